# SPDX-License-Identifier: MIT
"""What the server's processes use: memory over time, descriptors at the end."""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass, field

from support import processes

# How much more a process may use at the end than after the warm-up. In a short run the allocator is still growing to what
# the largest bodies need.
BOUND_KIB = {"master": 1024, "worker": 4096}
SHORT_RUN_S, SHORT_RUN_FACTOR = 120, 2
WARM_UP = 0.3  # share of the time


def bound_kib(kind: str, seconds: float) -> int:
    return BOUND_KIB[kind] * (SHORT_RUN_FACTOR if seconds < SHORT_RUN_S else 1)


def read_memory_kib(pid: int) -> tuple[int, int] | None:
    """What a process has written to, and its memory with its share of what it shares (PSS, which rises when another
    process that shares it ends); None when it has gone."""
    try:
        text = (processes.PROC / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    anonymous = re.search(r"^Anonymous:\s+(\d+) kB$", text, re.MULTILINE)
    pss = re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE)
    return (int(anonymous[1]), int(pss[1])) if anonymous and pss else None


@dataclass
class Memory:
    """Samples of one process that lives all the time."""

    name: str
    kind: str
    pid: int
    seconds: float  # of the whole run
    samples: list[tuple[float, int, int]] = field(default_factory=list)  # share of the time that is over, KiB, KiB

    def take(self, share: float) -> None:
        memory = read_memory_kib(self.pid)
        if memory is not None:
            self.samples.append((share, *memory))

    def ends(self, column: int = 1) -> tuple[float, float]:
        """Medians of the first and the last quarter of what was sampled after the warm-up."""
        warm = [sample[column] for sample in self.samples if sample[0] >= WARM_UP]
        quarter = max(1, len(warm) // 4)
        return statistics.median(warm[:quarter]), statistics.median(warm[-quarter:])

    def check(self) -> str | None:
        if sum(share >= WARM_UP for share, *_ in self.samples) < 4:
            return f"{self.name}: not enough samples of its memory"
        first, last = self.ends()
        if last - first <= bound_kib(self.kind, self.seconds):
            return None
        return f"{self.name}: memory has grown from {first:.0f} to {last:.0f} KiB after the warm-up"

    def describe(self) -> str:
        (first, last), (_, pss) = self.ends(), self.ends(2)
        return (
            f"{self.name}: {self.samples[0][1]} KiB written to at the start, {first:.0f} after the warm-up ({WARM_UP:.0%}),"
            f" {last:.0f} at the end; bound +{bound_kib(self.kind, self.seconds)}; PSS {pss:.0f}"
        )


def find_more(before: dict, after: dict) -> dict:
    """What `after` has open beyond `before`."""
    return dict(after - before)
