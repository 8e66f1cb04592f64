# SPDX-License-Identifier: MIT
"""Compares settings of clutch: see options.py for the command line, plan.py for what is run, document.py for the
result."""

from __future__ import annotations

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is something to keep: the imports take a moment

import argparse
import contextlib
import fcntl
import importlib
import os
import pathlib
import resource
import subprocess
import sys
from types import ModuleType
from typing import List, Optional

from rich.console import Console
from rich.markup import escape

from compare import advice, document, experiment, figures, interrupts, machine, options, peers, plan, table, terminal
from compare.page import page
from compare.progress import Progress

SPARE_DESCRIPTORS = 256
OK, FAILED, WRONG_OPTIONS, INTERRUPTED = 0, 1, 2, 130


class Mistake(Exception):
    """What the user must change before anything can be run; the message says it."""


def main(arguments: List[str]) -> int:
    """Returns the exit status."""
    given = options.parse(arguments)
    output = terminal.Output()
    console = Console(file=output, soft_wrap=not output.isatty())
    try:
        facts = machine.describe(given.clutch)
        tools = make_tools(given, facts)
        planned = plan.make_plan(given.app, given.workers, given.threads)
        result = document.make_document(facts, describe_load(given, planned), ["setup/compare", *arguments])
        make_directories(tools)
    except (Mistake, ValueError, OSError, subprocess.SubprocessError) as error:
        print(f"setup/compare: {error}", file=sys.stderr)
        return WRONG_OPTIONS
    raise_descriptor_limit(given.clients)
    interrupts.install()
    is_cut = False
    try:
        run_all(given, planned, tools, result, console)
        interrupts.over()
    except KeyboardInterrupt:
        interrupts.over()
        result["interrupted"] = True
        console.print("interrupted: what has been measured is kept")
    except OSError as error:
        interrupts.over()
        is_cut = complain(f"this ended the comparison, what has been measured is kept: {error}")
    is_cut |= finish(result, given.out, console) | output.is_lost
    if result["interrupted"]:
        return INTERRUPTED
    return FAILED if is_cut or has_failed(result) else OK


def complain(text: str) -> bool:
    """Says what went wrong; returns True: something did."""
    with contextlib.suppress(OSError, AttributeError):
        sys.stderr.write(f"setup/compare: {text}\n")
    return True


def raise_descriptor_limit(clients: int) -> None:
    """Every client needs a descriptor here and another one in the server, which inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * clients + SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def make_tools(given: argparse.Namespace, facts: document.Machine) -> experiment.Tools:
    venv = options.ROOT / "build" / "venv-peers"
    versions = {name: peers.find(name, venv) for name in given.peers}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        raise Mistake("--with: " + "; ".join(map(peers.missing, missing)))
    return experiment.Tools(
        clutch=given.clutch,
        clutch_options=given.clutch_options,
        clutch_version=facts["clutch"],
        granted_cpus=facts["granted_cpus"],
        load=given.load,
        logs=given.out.resolve() / "logs",
        port=given.port,
        peers=versions,
        venv_peers=venv,
    )


def make_directories(tools: experiment.Tools) -> None:
    try:
        tools.logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(f"--out: cannot make {tools.logs}: {error.strerror}") from None
    if not try_lock(tools.logs):
        other = f"another comparison is writing to {tools.logs.parent}"
        raise Mistake(f"--out: {other}: wait for its end, or say another one")


def try_lock(directory: pathlib.Path) -> bool:
    """Returns whether nobody else has this directory; it is ours until the end of the process then."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    except OSError:
        pass  # a file system without locks
    return True


def describe_load(given: argparse.Namespace, planned: List[plan.Planned]) -> document.Load:
    load = given.load
    return {
        "clients": load.clients,
        "requests": load.requests,
        "method": load.method,
        "path": load.path,
        "note": plan.note(planned),
    }


def run_all(
    given: argparse.Namespace, planned: List[plan.Planned], tools, result: document.Document, console: Console
) -> None:
    """Runs every experiment; the document has what was measured, also when this is cut short."""
    steps = [experiment.expected_steps(each, tools) for each in planned]
    offloading = load_offloading(given)
    if offloading is not None:
        steps.append(list(offloading.EXPECTED_S))
        result["load"]["note"] = offloading.NOTE
    announce(result, steps, given, console)
    with Progress(console, sum(steps, [])) as progress:
        for index, each in enumerate(planned):
            one = document.make_experiment(each.name, each.title, each.app, list(each.says))
            result["experiments"].append(one)
            experiment.run(each, tools, progress, one, sum(steps[index + 1 :], []))
            with contextlib.suppress(OSError):  # the end tries again, and tells
                document.write(result, given.out / "comparison.json")
        if offloading is not None:
            result["experiments"].append(offloading.make())
            offloading.fill(result["experiments"][-1], tools, given.clients, progress)


def load_offloading(given: argparse.Namespace) -> Optional[ModuleType]:
    """Returns the module that runs the offloading experiment, None when it was not asked for."""
    return importlib.import_module("offload.measure") if given.app == plan.OFFLOADING else None


def announce(result: document.Document, steps: List[List[float]], given: argparse.Namespace, console: Console) -> None:
    load, facts = result["load"], result["machine"]
    console.print(
        f"clutch {facts['clutch']} with CPython {facts['python']}, {facts['granted_cpus']:g} of {facts['cpus']} CPUs: "
        f"{load['clients']} callers at once, {load['requests']} requests for every setting",
        highlight=False,
    )
    if load["note"]:
        console.print(escape(f"Note: {load['note']}"), highlight=False)
    if given.app in (None, plan.OFFLOADING, *plan.BUILT_IN):
        console.print(
            f"This will take about {sum(map(sum, steps)):.0f} s. Ctrl-C keeps what has been measured.", highlight=False
        )


def finish(result: document.Document, out: pathlib.Path, console: Console) -> bool:
    """Draws the conclusions, writes the files, prints the table. Returns whether a file could not be written."""
    result["experiments"] = [each for each in result["experiments"] if each["runs"] or each["memory"]]
    for run in (run for each in result["experiments"] for run in each["runs"] if run["figures"] is None):
        run["figures"] = figures.summarize(run)
    result["recommendations"] = advice.recommend(result)
    table.print_tables(result, console)
    console.print()
    is_lost = False
    for title, write, path in (
        ("Every request:", document.write, out / "comparison.json"),
        ("The pictures: ", page.write, out / "comparison.html"),
    ):
        try:
            write(result, path)
            console.print(f"{title} {escape(str(path))}", highlight=False, soft_wrap=True)
        except OSError as error:
            is_lost = complain(f"--out: cannot write {path}: {error.strerror or error}")
    return is_lost


def has_failed(result: document.Document) -> bool:
    """Whether a run has an error: it did not start, or none of its requests was answered well."""
    return any(run["error"] for each in result["experiments"] for run in each["runs"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
