# SPDX-License-Identifier: MIT
"""What the kernel tells of processes: who belongs to a session, who is whose child, which descriptors are open."""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import re
from typing import Iterable

from support.waiting import wait_until

PROC = pathlib.Path("/proc")


def read_stat(pid: int) -> list[str] | None:
    """Returns the fields of /proc/PID/stat from the third one (state) on, or None when there is no such process."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def all_pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    stat = read_stat(pid)
    return stat is not None and stat[0] not in ("Z", "X")


def wait_gone(pids: Iterable[int], what: str) -> None:
    """Waits until none of the processes is running. After a reload, for instance, those of the generation before may
    still accept: whoever wants an answer of the new one waits for this."""
    wait_until(lambda: not any(map(is_running, pids)), f"{what} to end")


def session_members(session: int) -> list[int]:
    """Pids of the running processes of a session."""
    members = []
    for pid in all_pids():
        stat = read_stat(pid)
        if stat is not None and stat[0] not in ("Z", "X") and int(stat[3]) == session:
            members.append(pid)
    return members


def children(pid: int) -> list[int]:
    """Pids of the running children of a process, oldest first."""
    found = []
    for other in all_pids():
        stat = read_stat(other)
        if stat is not None and stat[0] not in ("Z", "X") and int(stat[1]) == pid:
            found.append((int(stat[19]), other))
    return [other for _, other in sorted(found)]


def descriptor_targets(pid: int) -> list[str]:
    """What each descriptor of a process is, as the kernel writes it: socket:[4711], or the path of a file. Nothing of a
    process that has ended, or is somebody else's."""
    targets = []
    with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):
        for entry in list((PROC / str(pid) / "fd").iterdir()):
            with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):  # closed meanwhile
                targets.append(os.readlink(entry))
    return targets


def open_descriptors(pid: int) -> collections.Counter:
    """Counts what a process has open by kind: socket, pipe, anon_inode:[eventpoll], or the path of a file."""
    return collections.Counter(re.sub(r"^(socket|pipe):\[\d+\]$", r"\1", target) for target in descriptor_targets(pid))


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used."""
    stat = read_stat(pid)
    assert stat is not None, f"process {pid} has gone"
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def read_umask(pid: int) -> str:
    """As the kernel writes it: "0022"."""
    return (PROC / str(pid) / "status").read_text().partition("Umask:\t")[2][:4]
