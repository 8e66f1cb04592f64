# SPDX-License-Identifier: MIT
"""Everything at once for some seconds: each request is answered right, once, or there is a reason why it was not."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time

import pytest

from support.stress import LEFT, LOST, RIGHT, Client, check_accounts

SEED = 4711
SECONDS = 2.5
CLIENTS, WORKERS = 12, 3


def stop_for_a_moment(pid: int, seconds: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)


def disturb(crew, end_s: float, dice: random.Random, number: int) -> dict[int, tuple[float, float]]:
    """Stops workers for moments and sends some a signal that ends them, until the time has come; returns who got one,
    and between which times."""
    killed: dict[int, tuple[float, float]] = {}
    next_kill_s = time.monotonic() + 0.5
    while time.monotonic() < end_s:
        pid = dice.choice(crew.server.worker_pids())
        if pid in killed:
            time.sleep(0.01)
        elif time.monotonic() >= next_kill_s:
            before_s = time.monotonic()
            os.kill(pid, number)
            killed[pid] = (before_s, time.monotonic())
            next_kill_s = time.monotonic() + dice.uniform(0.4, 0.8)
        else:
            stop_for_a_moment(pid, dice.uniform(0.001, 0.03))
            time.sleep(dice.uniform(0.01, 0.1))
    return killed


def run_clients(crew, seed: int, number: int) -> tuple[list[Client], dict[int, tuple[float, float]]]:
    """Runs them for some seconds while workers are disturbed; returns them, and who was ended when."""
    clients = [Client(crew, i, seed) for i in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        ended = disturb(crew, time.monotonic() + SECONDS, random.Random(seed), number)
    finally:
        for client in clients:
            client.is_over.set()
        for client in clients:
            client.join(90)
    assert not [client.name for client in clients if client.is_alive()], "clients that wait for ever"
    crew.ask(crew.server.connect(), "last")
    return clients, ended


@pytest.mark.parametrize("threads", [1, 2])
def test_with_workers_that_are_killed(start_crew, threads):
    crew = start_crew("--threads", threads, workers=WORKERS)
    clients, killed = run_clients(crew, SEED + threads, signal.SIGKILL)
    deaths = [int(match[1]) for match in crew.server.log.find_all(r"worker \d+ \(pid: (\d+)\) (?:was killed|exited)")]
    assert sorted(deaths) == sorted(killed), "nobody died but those that were killed"
    outcomes = check_accounts(crew.ledger, clients, killed, threads)
    assert outcomes[RIGHT] > 200 and outcomes[LEFT] > 0 and len(killed) >= 2
    assert outcomes[LOST] <= len(killed) * CLIENTS


@pytest.mark.parametrize("threads", [1, 2])
def test_with_workers_that_leave(start_crew, threads):
    """They finish what they run and give the rest away: nothing at all is lost."""
    crew = start_crew("--threads", threads, workers=WORKERS)
    clients, left = run_clients(crew, SEED + threads, signal.SIGTERM)
    outcomes = check_accounts(crew.ledger, clients, {}, threads)
    assert outcomes[RIGHT] > 200 and outcomes[LEFT] > 0 and len(left) >= 2
    assert outcomes[LOST] == 0
