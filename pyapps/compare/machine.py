# SPDX-License-Identifier: MIT
"""The machine that a comparison runs on, and the program under comparison."""

from __future__ import annotations

import os
import pathlib
import platform
import re
import subprocess
from typing import Iterator, Optional, Tuple

from compare.document import Machine

CGROUPS = pathlib.Path("/sys/fs/cgroup")


def describe(clutch: str) -> Machine:
    """Returns the facts of this machine and of the program `clutch`. Raises OSError or ValueError when that cannot be
    run."""
    version, python = read_versions(clutch)
    return {
        "cpus": os.cpu_count() or 1,
        "granted_cpus": granted_cpus(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(),
        "python": python,
        "clutch": version,
    }


def read_versions(clutch: str) -> Tuple[str, str]:
    """Returns the versions of clutch and of the CPython that it embeds."""
    text = subprocess.run([clutch, "--version"], capture_output=True, text=True, check=False, timeout=30).stdout
    match = re.match(r"clutch (\S+) \(CPython ([^,)]+)", text)
    if match is None:
        raise ValueError(f"{clutch} --version does not say that it is clutch: {text.strip()[:200]!r}")
    return match[1], match[2]


def granted_cpus() -> float:
    """Returns how many CPUs this process may use at once: those of its affinity, or the least cpu.max of its
    cgroups."""
    return min([float(len(os.sched_getaffinity(0))), *(quota for quota, _ in _quotas())])


def limiting_cgroup() -> Optional[pathlib.Path]:
    """Returns the directory of the cgroup that has the least cpu.max, None where no cgroup limits the CPUs."""
    return min(_quotas(), default=(0.0, None), key=lambda pair: pair[0])[1]


def _quotas() -> Iterator[Tuple[float, pathlib.Path]]:
    """Yields (CPUs, directory) of each cgroup around this process that limits them."""
    for directory in _own_cgroups():
        try:
            quota, period = (directory / "cpu.max").read_text(encoding="ascii").split()
        except (OSError, ValueError):
            continue
        if quota != "max":
            yield int(quota) / int(period), directory


def _own_cgroups():
    """Yields the directories of this process's cgroup and of those around it (version 2)."""
    try:
        text = pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:
        return
    match = re.search(r"^0::/(.*)$", text, re.MULTILINE)
    if match is None:
        return
    directory = CGROUPS / match[1]
    while directory != CGROUPS.parent:
        yield directory
        directory = directory.parent
