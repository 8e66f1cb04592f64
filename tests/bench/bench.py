# SPDX-License-Identifier: MIT
"""Measures clutch side by side with its peers: the rows of rows.py, in interleaved rounds, one server at a time under load.

setup/bench prepares what this needs and calls it. Raw results go to DIRECTORY/ROW.json, what the servers said to DIRECTORY/logs, the
table and the verdicts to standard output, the picture to DIRECTORY/bench.svg.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time

import idle
import instructions
import load
import picture
import report
import rows
import servers

PAUSE_S = 0.3  # between two measurements: slow requests end, closed connections are noticed


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def measure_round(server, row, settings):
    """Returns the figures of one measurement of a running server."""
    before_s = server.cpu_s()
    core = None if row.shares_cores and isinstance(row.load, load.Wrk) else settings.load_core
    figures = row.load.run(server.port, settings.seconds, core, settings.tail)
    spent_s = (server.cpu_s() - before_s) * figures.pop("cpu_share", 1.0)
    time.sleep(PAUSE_S)
    return {**figures, "cpu_us": spent_s * 1e6 / figures["requests"]}


def measure_load(row, entries, settings):
    """Starts the servers of a row and measures them in turn, each round in another order."""
    with contextlib.ExitStack() as stack:
        running = {name: server for name in entries if (server := start(row, name, entries[name], settings, stack))}
        for number in range(settings.rounds):
            names = list(running)
            for name in names[number % len(names):] + names[:number % len(names)] if names else ():
                with failing_into(entries[name]):
                    entries[name]["rounds"].append(measure_round(running[name], row, settings))
                if entries[name]["failed"]:
                    running.pop(name)
        for name, server in running.items():
            entries[name]["pss_kib"] = sum(server.pss_kib().values())


def measure_idle(row, entries, settings):
    with contextlib.ExitStack() as stack:
        running = {name: server for name in entries if (server := start(row, name, entries[name], settings, stack))}
        for name, figures in idle.measure_wakeups(running, settings.idle_seconds).items():
            entries[name]["rounds"].append(figures)
            entries[name]["pss_kib"] = sum(running[name].pss_kib().values())


def measure_each(row, entries, settings, measure):
    """One measurement of each server, one after the other."""
    for name, entry in entries.items():
        with failing_into(entry):
            entry["rounds"].append(measure(name, settings, row, log_path(row, name, settings)))


@contextlib.contextmanager
def failing_into(entry):
    try:
        yield
    except servers.Failed as reason:
        entry["failed"] = str(reason)


def log_path(row, name, settings):
    return settings.results / "logs" / f"{row.name}-{name}.log"


def start(row, name, entry, settings, stack):
    """Returns the running server, None when it does not start or does not answer as the application does."""
    with failing_into(entry):
        port = servers.free_port()
        entry["command"] = servers.command(name, settings, port, row.app, row.workers, row.threads)
        cores = None if row.shares_cores or row.kind != "load" else settings.server_core
        server = stack.enter_context(
            servers.Server(entry["command"], port, cores, row.directory, log_path(row, name, settings)))
        if row.load:
            load.check(row.load, port)
        return server
    return None


def machine(settings):
    model = next((line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "-C", str(servers.ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "commit": commit.stdout.strip(),
            "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "load_average": os.getloadavg(),
            "rounds": settings.rounds, "seconds": settings.seconds}


def measure_row(row, settings):
    """Measures a row and writes its raw results."""
    names = [name for name in row.servers if not settings.servers or name in settings.servers]
    entries = {name: {"version": settings.versions[name], "rounds": [], "failed": None} for name in names}
    say(f"{row.name}: {row.title}: {', '.join(names)}")
    results = {"row": row.name, "title": row.title, "machine": machine(settings), "servers": entries}
    if row.kind == "load":
        measure_load(row, entries, settings)
    elif row.kind == "idle_wakeups":
        measure_idle(row, entries, settings)
    else:
        measure_each(row, entries, settings, {"instructions": instructions.measure, "idle_memory": idle.measure_memory}[row.kind])
    for name, entry in entries.items():
        if entry["failed"]:
            say(f"{row.name}: {name} failed: {entry['failed']}")
    (settings.results / f"{row.name}.json").write_text(json.dumps(results, indent=1, default=str) + "\n", encoding="utf-8")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="setup/bench", description="Measures clutch side by side with its peers.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="measure only these; --list names them")
    parser.add_argument("--list", action="store_true", help="print the names of the rows and end")
    parser.add_argument("--report", action="store_true", help="measure nothing: print what the last runs have left")
    parser.add_argument("--quick", action="store_true", help="a short check of the tool: one round of one second, results apart")
    parser.add_argument("--rounds", type=int, help="interleaved rounds, of which the medians are shown (default 5)")
    parser.add_argument("--seconds", type=int, help="of one measurement (default 2)")
    parser.add_argument("--idle-seconds", type=int, help="how long the servers are left alone for their wake-ups (default 600)")
    parser.add_argument("--servers", type=lambda text: text.split(","), default=[], help="only these, parted by commas")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=os.cpu_count() - 1)
    parser.add_argument("--clutch", type=pathlib.Path, required=True, help="the program (default: the release build)")
    parser.add_argument("--peers", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--floor", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--tail", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--results", type=pathlib.Path, required=True, help="directory of the raw results (default build/bench)")
    settings = parser.parse_intermixed_args()
    defaults = {"rounds": 1, "seconds": 1, "idle_seconds": 10} if settings.quick else {"rounds": 5, "seconds": 2, "idle_seconds": 600}
    for name, value in defaults.items():
        if getattr(settings, name) is None:
            setattr(settings, name, value)
    known = {"floor", "clutch", *servers.PEERS}
    if not known.issuperset(settings.servers):
        parser.error(f"--servers: {', '.join(set(settings.servers) - known)} not known; there are {', '.join(sorted(known))}")
    try:
        settings.chosen = rows.find(settings.rows)
    except KeyError as unknown:
        parser.error(f"no row {unknown}; there are {', '.join(row.name for row in rows.ROWS)}")
    for name in ("clutch", "peers", "floor", "tail", "results"):
        setattr(settings, name, getattr(settings, name).absolute())
    if settings.quick:
        settings.results /= "quick"
    return settings


def main():
    settings = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))  # not without ending the servers
    if settings.list:
        for row in rows.ROWS:
            print(f"{row.name:16} {row.title}")
        return
    (settings.results / "logs").mkdir(parents=True, exist_ok=True)
    if not settings.report:
        settings.versions = {name: servers.version(name, settings) for name in ("floor", "clutch", *servers.PEERS)}
        for row in settings.chosen:
            measure_row(row, settings)
    report.print_report(settings.results, settings.chosen)
    if picture.draw(settings.results, settings.results / "bench.svg"):
        say(f"picture: {settings.results / 'bench.svg'}")


if __name__ == "__main__":
    main()
