# SPDX-License-Identifier: MIT
"""Runs an experiment: for each setting a server is started, measured, loaded and ended, and what it and the client know
of every request is put together."""

from __future__ import annotations

import collections
import contextlib
import http.client
import pathlib
import time
import urllib.request
from typing import Dict, List, NamedTuple, Optional

from compare import access_log, document, figures, interrupts, load, observe, peers, plan
from compare.progress import Progress
from compare.server import Server, StartError, free_port, grave_messages

LINES_OF_A_TRACEBACK = 40
PROBE_LIMIT_S = 5.0
SETTLE_S, SETTLE_LIMIT_S = 0.2, 5.0


class Tools(NamedTuple):
    """What every experiment of a comparison works with."""

    clutch: str  # the program
    clutch_options: List[str]  # the user's own
    clutch_version: str
    granted_cpus: float
    load: load.Load
    logs: pathlib.Path
    port: Optional[int]  # None: a free one for every server
    peers: Dict[str, str]  # the other servers to compare with: name -> version
    venv_peers: pathlib.Path

    def pick_port(self) -> int:
        return self.port or free_port()


class Candidate(NamedTuple):
    """A server with a setting, to be run."""

    server: str
    version: str
    setting: plan.Setting

    def describe(self) -> str:
        label = document.describe_setting(*self.setting)
        return label if self.server == "clutch" else f"{self.server}, {label}"


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
    used_before = server.cpu_s()
    try:
        load.send(tools.load, server.port, sent, lambda _request: progress.advance(), read_fields)
    finally:
        with interrupts.deferred():
            done["cpu_s"] = round(server.cpu_s() - used_before, 3)
            size = server.memory()
            if size.processes:  # else it has died
                done["pss_bytes"], done["processes"] = size


def complete(done: document.Run, sent: load.Sent, subject) -> None:
    """Adds what is known after the end of the server: its side of the requests, the figures, what went wrong."""
    if sent.requests:
        done["requests"] = sent.requests
        done["wall_s"] = load.wall_s(sent.requests)
        subject.join(done, sent)
        done["requests"].sort(key=lambda request: request["id"])
        explain_failures(done, subject.log_text())
    done["figures"] = figures.summarize(done)


def explain_failures(done: document.Run, log: str) -> None:
    """Says in the run's error (all failed) or notes (some did) what became of failed requests, with the server's own
    words."""
    reasons = collections.Counter(filter(None, map(why_failed, done["requests"])))
    messages = grave_messages(log)
    if not reasons:
        done["notes"] += [cut(message) for message in messages[:1]]
        return
    failed = sum(reasons.values())
    text = f"{failed} of {len(done['requests'])} requests failed: "
    text += ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
    text = "\n".join([text, *(cut(message) for message in messages[:1])])
    if failed == len(done["requests"]):
        done["error"] = text
    else:
        done["notes"].append(text)


def why_failed(request: document.Request) -> Optional[str]:
    if request["error"] == load.INTERRUPTED:
        return None
    if request["error"] is None and (request["status"] or 0) >= figures.FIRST_FAILED_STATUS:
        return f"status {request['status']}"
    return request["error"]


def cut(message: str) -> str:
    """Returns a message without the middle of a very long traceback."""
    lines = message.splitlines()
    if len(lines) > LINES_OF_A_TRACEBACK:
        half = LINES_OF_A_TRACEBACK // 2
        lines[half:-half] = ["  ..."]
    return "\n".join(lines)


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


# What is run: clutch, or another server.


class ClutchSubject:
    """clutch with a setting: it tells of every request in its access log."""

    read_fields = None

    def __init__(self, candidate: Candidate, planned: plan.Planned, tools: Tools, *options: str):
        self.planned = planned
        self.port = tools.pick_port()
        name = f"{planned.name}-clutch-{candidate.setting.workers}x{candidate.setting.threads}{''.join(options)}"
        self.log = tools.logs / f"{name}.log"
        self.access_log = tools.logs / f"{name}.access"
        self.command = [tools.clutch, *tools.clutch_options, *options, "--bind", f"127.0.0.1:{self.port}"]
        self.command += ["--workers", str(candidate.setting.workers), "--threads", str(candidate.setting.threads)]
        self.command += [
            "--access-logfile",
            str(self.access_log),
            "--access-logformat",
            access_log.LAYOUT,
            planned.target,
        ]

    def make_server(self) -> Server:
        self.access_log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.access_log.unlink()
        return Server(self.command, self.port, self.log, environment=self.planned.environment)

    def settle(self, server: Server) -> None:
        """All its workers are ready when it says so."""

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def join(self, done: document.Run, sent: load.Sent) -> None:
        try:
            text = self.access_log.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            done["notes"].append(f"the server's access log cannot be read: {error.strerror}")
            return
        missing = access_log.join(sent.requests, access_log.parse(text), sent.run, sent.start_us[0])
        if missing:
            done["notes"].append(f"{missing} answered requests are not in the server's access log")


def answers_probe(server: Server) -> bool:
    """Whether a worker has loaded the application and answers: the sign of readiness of servers that do not tell it."""
    probe = urllib.request.Request(f"http://127.0.0.1:{server.port}/", headers={observe.PROBE_FIELD: "1"})
    try:
        with urllib.request.urlopen(probe, timeout=PROBE_LIMIT_S) as answer:
            return answer.read() == observe.PROBE_BODY
    except (OSError, http.client.HTTPException):
        return False


class PeerSubject:
    """Another server: it runs the application inside a wrapper that stamps every answer."""

    read_fields = staticmethod(peers.stamps)

    def __init__(self, candidate: Candidate, planned: plan.Planned, tools: Tools):
        self.planned = planned
        self.port = tools.pick_port()
        workers, threads = candidate.setting
        self.log = tools.logs / f"{planned.name}-{candidate.server}-{workers}x{threads}.log"
        self.command = peers.plain_command(
            candidate.server, tools.venv_peers, self.port, workers, threads, max(tools.load.clients, 100)
        )

    def make_server(self) -> Server:
        variables = {**self.planned.environment, **peers.environment(self.planned.target)}
        return Server(self.command, self.port, self.log, ready=answers_probe, environment=variables)

    def settle(self, server: Server) -> None:
        """One worker has answered; returns when none of the server's processes uses CPU any more, so that all of them
        are ready."""
        used, end = -1.0, time.monotonic() + SETTLE_LIMIT_S
        while used != server.cpu_s() and time.monotonic() < end:
            used = server.cpu_s()
            time.sleep(SETTLE_S)

    log_text = ClutchSubject.log_text

    def join(self, done: document.Run, sent: load.Sent) -> None:
        places = peers.lanes([stamp for stamp in sent.stamps if stamp])
        for request, stamp in zip(sent.requests, sent.stamps):
            if stamp:
                request["pid"] = stamp["pid"]
                request["worker"], request["thread"] = places[stamp["pid"], stamp["thread_id"]]
                request["begun_us"] = stamp["begin_us"] - sent.start_us[0]
                request["app_us"] = stamp["end_us"] - stamp["begin_us"]


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
