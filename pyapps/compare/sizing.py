# SPDX-License-Identifier: MIT
"""How many pods (or machines) a load needs: the queueing formula of Erlang, for app threads that share a queue. Used by hand:

    python3 pyapps/compare/sizing.py --rate 40 --time 300ms --cpu 20ms --workers 2 --threads 4 --wait 100ms

--rate N       requests that come in a second, at the busiest time
--time TIME    how long the application takes for one on average (500ms, 1.5s)
--cpu TIME     how much of that it computes (default: 0)
--workers N    of a pod (default: 2)
--threads N    of a worker (default: 4)
--cpus N       CPUs of a pod (default: as many as workers)
--wait TIME    what a request may wait for an app thread, at the percentile (default: 100ms)
--percentile N of how many in a hundred requests (default: 95)
--spare N      pods that may be missing (default: 1)
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from typing import List, NamedTuple, Optional

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}
MOST_PODS = 10000
MOST_OF_A_KIND = 1024  # workers of a pod, threads of a worker
MOST_CPU = 0.7  # of what is granted: beyond, requests wait for CPUs, inside the application


def erlang_b(servers: int, offered: float) -> float:
    """The part of the requests that find all servers busy, were there no queue."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked


class Queue(NamedTuple):
    """M/M/c: requests come at random, take random times, and wait in one queue for the first of `servers` that is free."""

    rate: float  # requests a second
    time_s: float  # mean time of one
    servers: int

    @property
    def offered(self) -> float:
        """Servers that are busy on average; as many requests run at once."""
        return self.rate * self.time_s

    @property
    def busy(self) -> float:
        """The part of the servers' time that is used, from 0 to 1."""
        return self.offered / self.servers

    @property
    def is_stable(self) -> bool:
        return self.offered < self.servers

    @property
    def must_wait(self) -> float:
        """The part of the requests that waits at all: Erlang's C."""
        blocked = erlang_b(self.servers, self.offered)
        return self.servers * blocked / (self.servers - self.offered * (1 - blocked))

    @property
    def mean_wait_s(self) -> float:
        return self.must_wait * self.time_s / (self.servers - self.offered)

    def wait_s(self, part: float) -> float:
        """What this part of the requests (0.95) waits at most."""
        beyond = 1 - part
        if self.must_wait <= beyond:
            return 0.0
        return self.time_s / (self.servers - self.offered) * math.log(self.must_wait / beyond)


class Load(NamedTuple):
    rate: float
    time_s: float
    cpu_s: float


class Pod(NamedTuple):
    workers: int
    threads: int
    cpus: float

    @property
    def servers(self) -> int:
        return self.workers * self.threads

    @property
    def computing(self) -> float:
        """CPUs that it can use: one for each worker, since each has one GIL."""
        return min(self.cpus, self.workers)


class Goal(NamedTuple):
    wait_s: float
    part: float  # of the requests


def queue_of_a_pod(load: Load, pod: Pod, pods: int) -> Queue:
    """Requests that are spread over pods at random come to each at random."""
    return Queue(load.rate / pods, load.time_s, pod.servers)


def cpu_share(load: Load, pod: Pod, pods: int) -> float:
    return load.rate * load.cpu_s / (pods * pod.computing)


def is_enough(load: Load, pod: Pod, pods: int, goal: Goal) -> bool:
    queue = queue_of_a_pod(load, pod, pods)
    return queue.is_stable and queue.wait_s(goal.part) <= goal.wait_s and cpu_share(load, pod, pods) <= MOST_CPU


def least_pods(load: Load, pod: Pod, goal: Goal) -> Optional[int]:
    return next((pods for pods in range(1, MOST_PODS + 1) if is_enough(load, pod, pods, goal)), None)


def scale_at(load: Load, pod: Pod, goal: Goal) -> float:
    """The part of a pod's app threads that may be busy before a pod more is needed: what the autoscaler is told."""
    low, high = 0.0, pod.servers / load.time_s
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if is_enough(load._replace(rate=middle), pod, 1, goal) else (low, middle)
    return low * load.time_s / pod.servers


def format_time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def row(cells: List[str]) -> str:
    return "  ".join(f"{cell:>9}" for cell in cells)


def table(load: Load, pod: Pod, counts: List[int], goal: Goal) -> List[str]:
    percentile = f"{goal.part * 100:g}% in"
    lines = [row(["pods", "threads", "busy", "CPU", "must wait", "mean", percentile, "one queue"])]
    for pods in counts:
        queue, one = queue_of_a_pod(load, pod, pods), Queue(load.rate, load.time_s, pods * pod.servers)
        cells = [str(pods), str(one.servers), f"{queue.busy:.0%}", f"{cpu_share(load, pod, pods):.0%}"]
        if queue.is_stable:
            waits = [queue.mean_wait_s, queue.wait_s(goal.part), one.wait_s(goal.part)]
            cells += [f"{queue.must_wait:.0%}", *map(format_time, waits)]
        else:
            cells += ["all"] + ["for ever"] * 3
        lines.append(row(cells))
    return lines


def report(load: Load, pod: Pod, goal: Goal, spare: int) -> List[str]:
    lines = [
        f"{load.rate:g} requests/s x {load.time_s:g} s = {load.rate * load.time_s:g} busy app threads, "
        f"{load.rate * load.cpu_s:g} busy CPUs",
        f"a pod: {pod.workers} workers x {pod.threads} threads = {pod.servers} at once, {pod.computing:g} CPUs",
        "",
    ]
    least = least_pods(load, pod, goal)
    if least is None:
        return [*lines, f"not even {MOST_PODS} pods are enough: no such pod can keep the wait below {format_time(goal.wait_s)}"]
    first = max(1, math.ceil(load.rate * load.time_s / pod.servers) - 1)
    counts = sorted({*range(max(first, least - 3), least + 1), least + spare})
    return [
        *lines,
        *table(load, pod, counts, goal),
        "",
        f"{least} {'pod keeps' if least == 1 else 'pods keep'} {goal.part * 100:g}% of the waits below {format_time(goal.wait_s)}; "
        f"run {least + spare}, so that {spare} may be missing",
        f"scale at {scale_at(load, pod, goal):.2f} requests for each app thread",
    ]


def time_value(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; expected a number with ms, s or m")
    return float(match[1]) * UNITS[match[2]]


def positive(kind):
    def convert(text: str):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
        return value

    return convert


def parse(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sizing.py", usage=__doc__.split("\n\n", 1)[1].strip(), allow_abbrev=False)
    parser.add_argument("--rate", type=positive(float), required=True)
    parser.add_argument("--time", type=time_value, required=True)
    parser.add_argument("--cpu", type=time_value, default=0.0)
    parser.add_argument("--workers", type=positive(int), default=2)
    parser.add_argument("--threads", type=positive(int), default=4)
    parser.add_argument("--cpus", type=positive(float))
    parser.add_argument("--wait", type=time_value, default=0.1)
    parser.add_argument("--percentile", type=positive(float), default=95.0)
    parser.add_argument("--spare", type=int, default=1)
    given = parser.parse_args(arguments)
    if given.time <= 0:
        parser.error("--time must be more than 0")
    if given.cpu > given.time:
        parser.error("--cpu is a part of --time, so it cannot be more")
    if given.percentile >= 100:
        parser.error("--percentile must be below 100: some request always waits longer")
    if max(given.workers, given.threads) > MOST_OF_A_KIND:
        parser.error(f"--workers and --threads must be {MOST_OF_A_KIND} at most, as clutch has them")
    if given.spare < 0:
        parser.error("--spare must be 0 or more")
    return given


def main(arguments: List[str]) -> int:
    given = parse(arguments)
    load = Load(given.rate, given.time, given.cpu)
    pod = Pod(given.workers, given.threads, given.cpus or given.workers)
    print("\n".join(report(load, pod, Goal(given.wait, given.percentile / 100), given.spare)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
