# SPDX-License-Identifier: MIT
"""Requests that come at random to pods, event by event: what the formulas of pyapps/compare/sizing.py are held against. The random
numbers begin with the same seed in every run, so every run gives the same."""

from __future__ import annotations

import heapq
import random
from typing import Callable, List


class Pod:
    """Threads with one queue: who comes first is served first, by the thread that is free first."""

    def __init__(self, threads: int):
        self.free_at = [0.0] * threads  # a heap

    def serve(self, now: float, time_s: float) -> float:
        """Returns what the request waits."""
        begin = max(now, self.free_at[0])
        heapq.heapreplace(self.free_at, begin + time_s)
        return begin - now


def exponential(mean_s: float) -> Callable[[random.Random], float]:
    return lambda chance: chance.expovariate(1 / mean_s)


def constant(mean_s: float) -> Callable[[random.Random], float]:
    return lambda chance: mean_s


def simulate(rate: float, draw_time, pods: int, threads: int, requests: int = 400_000, seed: int = 1) -> List[float]:
    """The waits of the requests in ascending order; each goes to one of the pods at random."""
    chance = random.Random(seed)
    crew, now, waits = [Pod(threads) for _ in range(pods)], 0.0, []
    for _ in range(requests):
        now += chance.expovariate(rate)
        waits.append(chance.choice(crew).serve(now, draw_time(chance)))
    return sorted(waits)


def part_that_waits(waits: List[float]) -> float:
    return sum(wait > 0 for wait in waits) / len(waits)


def mean(waits: List[float]) -> float:
    return sum(waits) / len(waits)


def percentile(waits: List[float], part: float) -> float:
    return waits[int(part * len(waits))]
