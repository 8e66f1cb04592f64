# SPDX-License-Identifier: MIT
"""What a comparison is going to do: its experiments, their settings, and how long each step will probably take."""

from __future__ import annotations

import importlib
import math
import os
import pathlib
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

APPS = pathlib.Path(__file__).resolve().parent / "apps"
BUILT_IN = ("sleeping", "spinning", "mixed")
OFFLOADING = "offloading"

SLEEP_S = 0.3  # instead of the ten seconds of the experiment that the sleeping application repeats
START_S = 0.5  # a server's start and end
SLEEP_NOTE = (
    f"the sleeping application sleeps {SLEEP_S:g} s, so that the comparison is short; "
    "the original experiment's takes 10 s"
)
SAYS_OF_ANY = (
    "Each bar is a request; a lane is a thread of a worker. What waits for a free thread comes first in a bar, then "
    "the wait for the GIL, then the application.",
    "A setting with long waits needs more threads (when the application sleeps), more workers up to the number of CPUs "
    "(when it computes), or work that is done elsewhere.",
)


class Setting(NamedTuple):
    workers: int
    threads: int


class Cost(NamedTuple):
    """What a request of an application takes, in seconds; None: not known before the first run."""

    sleep_s: float
    cpu_s: float


class Planned(NamedTuple):
    """An experiment to be run."""

    name: str
    title: str
    app: str  # as the user says it
    target: str  # as a server takes it
    says: Tuple[str, ...]
    settings: Tuple[Setting, ...]
    environment: Dict[str, str]  # of the application
    cost: Optional[Cost]

    def worker_counts(self) -> List[int]:
        return sorted({setting.workers for setting in self.settings})


DEFAULT_SETTINGS = {
    "sleeping": ((1, 1), (2, 1), (5, 1), (10, 1), (20, 1), (5, 4), (1, 20)),
    "spinning": ((1, 1), (2, 1), (5, 1), (1, 5)),
    "mixed": ((1, 1), (2, 1), (5, 1), (1, 5), (2, 5)),
}
COSTS = {"sleeping": Cost(SLEEP_S, 0.0), "spinning": Cost(0.0, 0.1), "mixed": Cost(0.08, 0.02)}
DEFAULT_WORKERS = (1, 2, 5, 10)
DEFAULT_THREADS = (1, 4)


def make_plan(app: Optional[str], workers: Sequence[int] = (), threads: Sequence[int] = ()) -> List[Planned]:
    """Returns the experiments for an APP of the command line; None: the whole demonstration. Empty `workers` and
    `threads` stand for the settings that show most."""
    if app == OFFLOADING:
        return []
    names = BUILT_IN if app is None else (app,)
    return [
        _plan_built_in(name, workers, threads) if name in BUILT_IN else _plan_any(name, workers, threads)
        for name in names
    ]


def _settings(workers: Sequence[int], threads: Sequence[int]) -> Tuple[Setting, ...]:
    pairs = (Setting(count, each) for each in threads or DEFAULT_THREADS for count in workers or DEFAULT_WORKERS)
    return tuple(dict.fromkeys(pairs))


def _plan_built_in(name: str, workers: Sequence[int], threads: Sequence[int]) -> Planned:
    module = importlib.import_module(f"compare.apps.{name}")
    cost = COSTS[name]
    settings = (
        _settings(workers, threads) if workers or threads else tuple(Setting(*pair) for pair in DEFAULT_SETTINGS[name])
    )
    environment = {"COMPARE_SLEEP_SECONDS": str(cost.sleep_s), "COMPARE_SPIN_SECONDS": str(cost.cpu_s)}
    return Planned(name, module.TITLE, name, str(APPS / f"{name}.py"), module.SAYS, settings, environment, cost)


def _plan_any(app: str, workers: Sequence[int], threads: Sequence[int]) -> Planned:
    file, colon, name = app.rpartition(":") if ":" in app else (app, "", "")
    is_file = file.endswith(".py") or "/" in file
    target = os.path.abspath(file) + colon + name if is_file else app
    title = os.path.basename(file) if is_file else app
    return Planned(title, title, app, target, SAYS_OF_ANY, _settings(workers, threads), {}, None)


def note(plan: Sequence[Planned]) -> Optional[str]:
    """Returns what a reader must know about the load of these experiments."""
    return SLEEP_NOTE if any(planned.name == "sleeping" for planned in plan) else None


def expected_s(cost: Optional[Cost], setting: Setting, clients: int, requests: int, cpus: float) -> Optional[float]:
    """Returns how long the load of a setting will probably take, in seconds: the sleeping as often as there are rows of
    requests, the computing spread over the CPUs. None when the cost is not known."""
    if cost is None:
        return None
    at_once = max(1, min(setting.workers * setting.threads, clients))
    computing = min(float(setting.workers), max(cpus, 0.1))
    return max(math.ceil(requests / at_once) * (cost.sleep_s + cost.cpu_s), requests * cost.cpu_s / computing)
