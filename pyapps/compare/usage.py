# SPDX-License-Identifier: MIT
"""Who used the CPUs while a load was sent: the server, the load generator, or something else on the machine."""

from __future__ import annotations

import os
import pathlib
import time
from typing import Callable, Iterator, NamedTuple, Optional, Tuple

from compare import machine
from compare.processes import TICKS_PER_S

STAT = pathlib.Path("/proc/stat")
USER, NICE, SYSTEM, IRQ, SOFTIRQ, STEAL = 0, 1, 2, 5, 6, 7  # not idle, iowait; guests are in user and nice
IN_USE = (USER, NICE, SYSTEM, IRQ, SOFTIRQ, STEAL)
LEAST_S = 0.2  # a shorter time has too few ticks


class Used(NamedTuple):
    server_s: float  # CPU seconds
    client_share: Optional[float]  # of one CPU, which is all that the load generator can use
    other_share: Optional[float]  # of the CPUs granted


class Moment(NamedTuple):
    at_s: float
    server_s: float
    client_s: float
    machine_s: Optional[float]
    group_s: Optional[float]


class Watch:
    """Begins when it is made; `used` tells what was used since. `server_s` returns the server's CPU seconds so far."""

    def __init__(self, server_s: Callable[[], float], granted_cpus: float):
        self.server_s = server_s
        self.granted = granted_cpus
        self.cpus = os.sched_getaffinity(0)
        self.group = machine.limiting_cgroup()
        self.begin = self._now()

    def _now(self) -> Moment:
        group_s = None if self.group is None else read_group_s(self.group)
        return Moment(time.monotonic(), self.server_s(), time.process_time(), read_machine_s(self.cpus), group_s)

    def used(self) -> Used:
        begin, end = self.begin, self._now()
        passed_s, server_s = end.at_s - begin.at_s, max(0.0, end.server_s - begin.server_s)
        client_s = end.client_s - begin.client_s
        if passed_s < LEAST_S:
            return Used(server_s, None, None)
        ours_s = server_s + client_s
        spare = len(self.cpus) - self.granted  # what others may use without taking it from us
        others = [
            _others(begin.machine_s, end.machine_s, ours_s + spare * passed_s),
            _others(begin.group_s, end.group_s, ours_s),
        ]
        known = [min(1.0, other_s / (self.granted * passed_s)) for other_s in others if other_s is not None]
        return Used(server_s, client_s / passed_s, max(known, default=None))


def _others(begin_s: Optional[float], end_s: Optional[float], ours_s: float) -> Optional[float]:
    return None if begin_s is None or end_s is None else max(0.0, end_s - begin_s - ours_s)


def read_machine_s(cpus) -> Optional[float]:
    """Returns the seconds that these CPUs were in use since the start of the machine, or taken from a virtual one; None
    where that is not told."""
    try:
        busy = dict(_parse(STAT.read_text(encoding="ascii")))
        return sum(busy[cpu] for cpu in cpus)
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _parse(text: str) -> Iterator[Tuple[int, float]]:
    """Yields (number of a CPU, seconds in use)."""
    for line in text.splitlines():
        name, *fields = line.split()
        if name.startswith("cpu") and name != "cpu":
            yield int(name[3:]), sum(int(fields[place]) for place in IN_USE) / TICKS_PER_S


def read_group_s(directory: pathlib.Path) -> Optional[float]:
    """Returns the CPU seconds that a control group has used, None where that is not told."""
    try:
        lines = (directory / "cpu.stat").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("usage_usec ")) / 1e6
    except (OSError, ValueError, StopIteration):
        return None
