# SPDX-License-Identifier: MIT
"""Runs an experiment: for each setting a server is started, measured, loaded and ended, and what it and the client know
of every request is put together."""

from __future__ import annotations

from typing import List, Optional

from compare import document, figures, interrupts, load, peers, plan
from compare.failures import explain_failures
from compare.measured import percent
from compare.progress import Progress
from compare.server import Server, StartError
from compare.subjects import Candidate, ClutchSubject, PeerSubject, Tools
from compare.usage import Watch

__all__ = ["Candidate", "ClutchSubject", "PeerSubject", "Tools"]


STEP_US = 2000  # a wall clock that differs by more has been set


def list_candidates(planned: plan.Planned, tools: Tools) -> List[Candidate]:
    """Returns what an experiment runs, in order: for each setting clutch, then the others that can do it."""
    candidates = []
    for setting in planned.settings:
        candidates.append(Candidate("clutch", tools.clutch_version, setting))
        candidates += [
            Candidate(name, version, setting)
            for name, version in tools.peers.items()
            if why_not(name, setting, tools) is None
        ]
    return candidates


def why_not(peer: str, setting: plan.Setting, tools: Tools) -> Optional[str]:
    """Returns why a peer cannot be run with a setting, None when it can."""
    try:
        peers.plain_command(peer, tools.venv_peers, 1, *setting, connections=tools.load.clients)
    except peers.Refused as error:
        return str(error)
    return None


def expected_steps(planned: plan.Planned, tools: Tools, known: Optional[plan.Cost] = None) -> List[float]:
    """Returns the seconds that each step of an experiment will probably take: its runs, then its extra starts for
    memory."""
    cost = known or planned.cost or plan.Cost(0.5, 0.0)
    sizes = (tools.load.clients, tools.load.requests, tools.granted_cpus)
    runs = [
        plan.START_S + (plan.expected_s(cost, each.setting, *sizes) or 0.0) for each in list_candidates(planned, tools)
    ]
    return runs + [plan.START_S] * len(planned.worker_counts()) * measures_memory(tools)


def measures_memory(tools: Tools) -> bool:
    """Whether memory with and without --preload is compared: not when the user has decided about it."""
    return not any(option.partition("=")[0] == "--preload" for option in tools.clutch_options)


def run(
    planned: plan.Planned, tools: Tools, progress: Progress, experiment: document.Experiment, rest: List[float]
) -> None:
    """Runs an experiment and fills `experiment`, as far as it gets. `rest` are the seconds expected of the steps behind
    it. KeyboardInterrupt passes through; what was measured is in `experiment` then."""
    candidates = list_candidates(planned, tools)
    tell_refusals(planned, tools, progress)
    for index, candidate in enumerate(candidates):
        progress.begin(f"{planned.name}: {candidate.describe()}", tools.load.requests)
        done = run_candidate(candidate, planned, tools, progress, experiment)
        progress.end(summarize(done))
        for text in filter(None, [done["error"], *done["notes"]]):
            progress.say(indent(shorten(text)))
        if not any(each["requests"] for each in experiment["runs"]):
            leave_rest(planned, len(candidates) - index - 1, tools, progress)
            return
        if planned.cost is None and index == 0:
            known = measured_cost(done)
            progress.expect(expected_steps(planned, tools, known)[1:] + rest)
    if measures_memory(tools):
        measure_preload(planned, tools, progress, experiment)


def leave_rest(planned: plan.Planned, runs: int, tools: Tools, progress: Progress) -> None:
    """Nothing of an application that does not start can be measured: leaves out the other `runs` and the memory."""
    if runs:
        progress.say(f"{planned.name}: the other settings are left out, since this one did not start")
    progress.skip(runs + len(planned.worker_counts()) * measures_memory(tools))


def tell_refusals(planned: plan.Planned, tools: Tools, progress: Progress) -> None:
    """Says which servers cannot be run with which settings, and why."""
    for name in tools.peers:
        reasons = {setting: why_not(name, setting, tools) for setting in planned.settings}
        for reason in dict.fromkeys(filter(None, reasons.values())):
            settings = [document.describe_setting(*setting) for setting, why in reasons.items() if why == reason]
            progress.say(f"{planned.name}: {reason}, so it is not run with {', '.join(settings)}")


def measured_cost(done: document.Run) -> plan.Cost:
    """Returns what a request takes, as if it were sleeping, from a run of an application that nobody knows."""
    durations = [request["app_us"] for request in done["requests"] if request["app_us"] is not None]
    return plan.Cost(sum(durations) / len(durations) / 1e6 if durations else 0.1, 0.0)


# One run.


def run_candidate(
    candidate: Candidate, planned: plan.Planned, tools: Tools, progress: Progress, experiment
) -> document.Run:
    """Runs a server with a setting under the load. The run is in `experiment` also when the load is interrupted."""
    done = document.make_run(candidate.server, candidate.version, *candidate.setting, tools.granted_cpus)
    subject = (ClutchSubject if candidate.server == "clutch" else PeerSubject)(candidate, planned, tools)
    done["command"] = subject.command
    sent = load.begin()
    try:
        with subject.make_server() as server:
            done["ready_s"] = round(server.ready_s, 4)
            subject.settle(server)
            if is_memory_of(candidate, planned) and measures_memory(tools):
                experiment["memory"].append(make_memory(candidate.setting, False, *server.memory()))
            measure(server, done, tools, sent, progress, subject.read_fields)
    except StartError as error:
        done["error"] = str(error)
    finally:
        with interrupts.deferred():
            complete(done, sent, subject)
            if sent.requests or done["error"]:
                experiment["runs"].append(done)
    return done


def is_memory_of(candidate: Candidate, planned: plan.Planned) -> bool:
    """Whether this run's start is the one that tells the memory of this number of workers: that with the fewest
    threads."""
    same = [setting for setting in planned.settings if setting.workers == candidate.setting.workers]
    return candidate.server == "clutch" and candidate.setting == min(same, key=lambda setting: setting.threads)


def measure(server: Server, done: document.Run, tools: Tools, sent: load.Sent, progress: Progress, read_fields) -> None:
    """Sends the load and measures what the server uses meanwhile."""
    watch = Watch(server.cpu_s, tools.granted_cpus)
    try:
        load.send(tools.load, server.port, sent, lambda _request: progress.advance(), read_fields)
    finally:
        with interrupts.deferred():
            note_usage(done, watch)
            size = server.memory()
            if size.processes:  # else it has died
                done["pss_bytes"], done["processes"] = size


def note_usage(done: document.Run, watch: Watch) -> None:
    """Adds to a run who used the CPUs since `watch` began."""
    used = watch.used()
    done["cpu_s"] = round(used.server_s, 6)
    done["client_cpu_share"] = None if used.client_share is None else round(used.client_share, 4)
    done["other_cpu_share"] = None if used.other_share is None else round(used.other_share, 4)
    if (used.other_share or 0.0) >= figures.DISTURBED_SHARE:
        done["notes"].append(f"something else used {percent(used.other_share)} of the CPUs while this was measured")


def complete(done: document.Run, sent: load.Sent, subject) -> None:
    """Adds what is known after the end of the server: its side of the requests, the figures, what went wrong."""
    if sent.requests:
        done["requests"] = sent.requests
        done["wall_s"] = load.wall_s(sent.requests)
        subject.join(done, sent)
        if any(abs(step_us) > STEP_US for step_us in sent.stepped_us):
            done["notes"].append(
                f"the clock was set by {sent.stepped_us[0] / 1e6:+.3f} s while this was measured: the server's moments "
                "are wrong by as much"
            )
        done["requests"].sort(key=lambda request: request["id"])
        explain_failures(done, subject.log_text())
    done["figures"] = figures.summarize(done)


def shorten(text: str) -> str:
    """Returns what is enough to know while a comparison runs: the table at the end has the whole."""
    return "\n".join(text.splitlines()[:2])


def indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def summarize(done: document.Run) -> str:
    """Returns the line of a run that is shown when it has ended."""
    if not done["requests"]:
        return "not started"
    answered, wall = done["figures"]["answered"], done["wall_s"]
    return f"{answered} of {len(done['requests'])} answered" + (f" in {wall:.2f} s" if wall is not None else "")


# Memory.


def make_memory(setting: plan.Setting, preload: bool, pss_bytes: int, processes: int) -> document.Memory:
    workers, threads = setting
    return {
        "server": "clutch",
        "workers": workers,
        "threads": threads,
        "preload": preload,
        "pss_bytes": pss_bytes,
        "processes": processes,
    }


def measure_preload(planned: plan.Planned, tools: Tools, progress: Progress, experiment: document.Experiment) -> None:
    """Starts clutch with --preload once for each number of workers and notes its memory when it is ready, without any
    load; without --preload it was measured at the same moment of the runs."""
    for workers in planned.worker_counts():
        threads = min(setting.threads for setting in planned.settings if setting.workers == workers)
        setting = plan.Setting(workers, threads)
        progress.begin(f"{planned.name}: memory of {document.describe_setting(*setting)} with --preload")
        subject = ClutchSubject(Candidate("clutch", tools.clutch_version, setting), planned, tools, "--preload")
        try:
            with subject.make_server() as server:
                experiment["memory"].append(make_memory(setting, True, *server.memory()))
            progress.end()
        except StartError as error:
            progress.end("not started")
            progress.say(indent(str(error)))
            return
