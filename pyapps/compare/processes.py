# SPDX-License-Identifier: MIT
"""What /proc tells of the processes of a session: which there are, their memory, their CPU time."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Iterator, List, Optional, Tuple

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
NS_PER_S = 1e9
STATE, SESSION = 0, 3  # the places of fields in a line of /proc/PID/stat, behind the name
OWN_TICKS, ENDED_CHILDREN_TICKS = slice(11, 13), slice(13, 15)


def read_stats() -> Iterator[Tuple[int, List[str]]]:
    """Yields (pid, fields of /proc/PID/stat behind the name: state, ppid, pgrp, session...) of every process, in order
    of pids."""
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            yield pid, file.read().rpartition(")")[2].split()


def pids_of(session: int) -> List[int]:
    """The pids of a session, in order."""
    return [pid for pid, fields in read_stats() if int(fields[SESSION]) == session]


def running_in(session: int) -> List[int]:
    """The pids of a session without those that have ended and are still listed."""
    return [pid for pid, fields in read_stats() if int(fields[SESSION]) == session and fields[STATE] not in "ZX"]


def pss_bytes(pid: int) -> Optional[int]:
    """Returns the proportional set size, None for a process that has ended."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return None


def session_cpu_s(session: int) -> float:
    """Seconds of CPU, user and system, that the processes of a session have used: to the nanosecond those that are
    there, with their threads that have ended; in ticks of 10 ms their children that have ended."""
    return sum(
        _cpu_s(pid, fields) + _seconds(fields[ENDED_CHILDREN_TICKS])
        for pid, fields in read_stats()
        if int(fields[SESSION]) == session
    )


def _cpu_s(pid: int, fields: List[str]) -> float:
    """The CPU clock of the process; where it cannot be read, its ticks."""
    try:
        return time.clock_gettime_ns(clock_of(pid)) / NS_PER_S
    except OSError:
        return _seconds(fields[OWN_TICKS])


def clock_of(pid: int) -> int:
    """The clockid_t that clock_getcpuclockid(3) makes for a process: all its threads, also those that have ended."""
    return (~pid << 3) | 2


def _seconds(ticks: List[str]) -> float:
    return sum(map(int, ticks)) / TICKS_PER_S
