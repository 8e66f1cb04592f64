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
from support.waiting import LIMIT_S

SEED = 4711
SECONDS = 2.5
CLIENTS, WORKERS = 12, 3
LEAST_RIGHT, LEAST_ENDED = 200, 2
DEATH = r"worker \d+ \(pid: ({pid})\) (?:was killed|exited)"


def stop_for_a_moment(pid: int, seconds: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)


def has_seen_enough(clients: list[Client], ended_count: int) -> bool:
    """A loaded machine needs more time for it."""
    outcomes = [account.outcome for client in clients for account in list(client.accounts)]
    return outcomes.count(RIGHT) > LEAST_RIGHT and LEFT in outcomes and ended_count >= LEAST_ENDED


def disturb(crew, clients: list[Client], dice: random.Random, number: int) -> dict[int, tuple[float, float]]:
    """Stops workers for moments and sends some a signal that ends them, until time has passed and enough has happened;
    returns who got one, and between which times it has ended. After that time nobody is ended without need: whoever dies
    young is replaced later and later."""
    killed: dict[int, tuple[float, float]] = {}
    end_s, limit_s = time.monotonic() + SECONDS, time.monotonic() + LIMIT_S
    next_kill_s = time.monotonic() + 0.5
    while time.monotonic() < end_s or (not has_seen_enough(clients, len(killed)) and time.monotonic() < limit_s):
        pid = dice.choice(crew.server.worker_pids())
        if pid in killed:
            time.sleep(0.01)
        elif time.monotonic() >= next_kill_s and (time.monotonic() < end_s or len(killed) < LEAST_ENDED):
            before_s = time.monotonic()
            os.kill(pid, number)
            if number == signal.SIGKILL:  # a system call in which it is may still take a connection or a request
                crew.server.log.wait_for(DEATH.format(pid=pid))
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
        ended = disturb(crew, clients, random.Random(seed), number)
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
    deaths = [int(match[1]) for match in crew.server.log.find_all(DEATH.format(pid=r"\d+"))]
    assert sorted(deaths) == sorted(killed), "nobody died but those that were killed"
    outcomes = check_accounts(crew.ledger, clients, killed, threads)
    assert outcomes[RIGHT] > LEAST_RIGHT and outcomes[LEFT] > 0 and len(killed) >= LEAST_ENDED
    assert outcomes[LOST] <= len(killed) * CLIENTS


@pytest.mark.parametrize("threads", [1, 2])
def test_with_workers_that_leave(start_crew, threads):
    """They finish what they run and give the rest away: nothing at all is lost."""
    crew = start_crew("--threads", threads, workers=WORKERS)
    clients, left = run_clients(crew, SEED + threads, signal.SIGTERM)
    outcomes = check_accounts(crew.ledger, clients, {}, threads)
    assert outcomes[RIGHT] > LEAST_RIGHT and outcomes[LEFT] > 0 and len(left) >= LEAST_ENDED
    assert outcomes[LOST] == 0
