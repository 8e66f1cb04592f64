# SPDX-License-Identifier: MIT
"""Clients of every kind at once that keep account of each request they make: answered right, left, or lost."""

from __future__ import annotations

import collections
import hashlib
import random
import threading
import time
from dataclasses import dataclass

from support.client import Connection, ProtocolError, Response, make_chunked, make_request
from support.crew import Crew

RIGHT, LEFT, LOST = "right", "left", "lost"

KINDS = {"fast": 10, "slow": 3, "stream": 3, "upload": 2, "chunked upload": 1}
LEAVES = 0.08  # share of requests whose client hangs up
RECONNECTS = 0.1  # share of responses after which it takes a new connection

STREAM_BLOCKS, STREAM_BYTES = 50, 1000


@dataclass
class Account:
    """What became of one request."""

    name: str
    kind: str
    alive_s: float  # when its connection was last known to be alive: the request before, which was answered, was sent
    sent_s: float
    ended_s: float = 0.0
    outcome: str = ""
    pid: int | None = None  # who answered, where the answer tells


class Client(threading.Thread):
    """Makes requests, one after the other, until it is told to stop. `mistakes` are answers that are not right."""

    def __init__(self, crew: Crew, number: int, seed: int):
        super().__init__(name=f"client {number}")
        self.crew = crew
        self.number = number
        self.random = random.Random(seed * 1000 + number)
        self.connection: Connection | None = None
        self.alive_s = 0.0
        self.accounts: list[Account] = []
        self.mistakes: list[str] = []
        self.is_over = threading.Event()

    def run(self) -> None:
        while not self.is_over.is_set():
            self.make_one()
        self.drop()

    def make_one(self) -> None:
        if self.connection is None:
            self.alive_s = time.monotonic()  # before: whoever accepts may be killed before this thread goes on
            self.connection = Connection(*self.crew.server.addresses()[0])
        kind = self.random.choices(list(KINDS), list(KINDS.values()))[0]
        body = self.random.randbytes(self.random.randrange(1, 200_000)) if "upload" in kind else b""
        account = Account(f"{self.number}-{len(self.accounts)}", kind, self.alive_s, time.monotonic())
        self.accounts.append(account)
        try:
            self.connection.send(self.make_data(account, body))
            if self.random.random() < LEAVES:
                self.leave()
                account.outcome = LEFT
            else:
                self.take_answer(account, body)
        except (ProtocolError, BrokenPipeError, ConnectionResetError):
            self.lose(account)
        account.ended_s = time.monotonic()

    def make_data(self, account: Account, body: bytes) -> bytes:
        options = {
            "slow": {"us": self.random.randrange(10_000, 80_000)},
            "stream": {"blocks": STREAM_BLOCKS, "size": STREAM_BYTES},
        }.get(account.kind, {})
        target = self.crew.target(account.name, **options)
        if account.kind == "upload":
            return make_request(target, "POST", body=body)
        if account.kind == "chunked upload":
            blocks = [body[i : i + 30_000] for i in range(0, len(body), 30_000)]
            return make_request(target, "POST", headers=[("Transfer-Encoding", "chunked")]) + make_chunked(blocks)
        return make_request(target)

    def take_answer(self, account: Account, body: bytes) -> None:
        response = self.connection.read_response()
        if not response.is_complete:
            self.lose(account)
            return
        account.outcome = RIGHT
        self.alive_s = account.sent_s
        self.check(account, response, body)
        if response.says_close or self.random.random() < RECONNECTS:
            self.drop()

    def check(self, account: Account, response: Response, body: bytes) -> None:
        if account.kind == "stream":
            blocks = (bytes([ord("a") + i % 26]) * STREAM_BYTES for i in range(STREAM_BLOCKS))
            is_right = response.status == 200 and response.body == b"".join(blocks)
        else:
            answer = response.json() if response.status == 200 else {}
            account.pid = answer.get("pid")
            is_right = answer.get("id") == account.name and answer.get("hash") == hashlib.sha256(body).hexdigest()
        if not is_right:
            self.mistakes.append(f"{account}: {response.head!r} {response.body[:200]!r}")

    def leave(self) -> None:
        """Hangs up, at once or a little later, orderly or not."""
        time.sleep(self.random.choice([0, 0, 0.001, 0.02]))
        if self.random.random() < 0.5:
            self.connection.reset()
        self.drop()

    def lose(self, account: Account) -> None:
        account.outcome = LOST
        self.drop()

    def drop(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def check_lost(account, runner, killed) -> str | None:
    """Returns what is wrong when a request was lost: it must have been in, or on a connection of, a worker that was
    killed. `killed` has the times between which each was."""
    if runner is not None:
        return None if runner in killed else f"{account} was lost in {runner}, which lives"
    if any(account.alive_s <= after_s and before_s <= account.ended_s for before_s, after_s in killed.values()):
        return None
    return f"{account} was lost, never begun, and nobody was killed meanwhile"


def find_mistakes(ledger, clients, killed, threads: int) -> list[str]:
    """Holds what the clients saw against what the application saw."""
    ids = collections.Counter(ledger.begun())
    mistakes = [f"the application was called {count} times for {name}" for name, count in ids.items() if count > 1]
    runners, ended = dict(ledger.lines("begin")), dict(ledger.lines("end"))
    mistakes += [mistake for client in clients for mistake in client.mistakes]
    cut_off: collections.Counter = collections.Counter()
    accounts = [account for client in clients for account in client.accounts]
    for account in accounts:
        runner = runners.get(account.name)
        if account.outcome == RIGHT and (runner is None or account.pid not in (None, runner)):
            mistakes.append(f"{account} was answered, and the ledger has {runner}")
        if account.outcome == LOST and (wrong := check_lost(account, runner, killed)):
            mistakes.append(wrong)
        if account.outcome == LOST and runner is not None and account.name not in ended:
            cut_off[runner] += 1
    mistakes += [f"{count} requests were cut off in {pid}" for pid, count in cut_off.items() if count > threads]
    unknown = set(runners) - {account.name for account in accounts} - {"last"}
    return mistakes + [f"nobody asked for {name}" for name in unknown]


def check_accounts(ledger, clients, killed, threads: int) -> collections.Counter:
    """Fails when anything was not as it should be; returns how many requests had which outcome."""
    mistakes = find_mistakes(ledger, clients, killed, threads)
    assert not mistakes, "\n".join(mistakes)
    return collections.Counter(account.outcome for client in clients for account in client.accounts)
