# SPDX-License-Identifier: MIT
"""Workers that a test holds and lets go, and a ledger of which of them ran what: for tests of who serves whom."""

from __future__ import annotations

import collections
import itertools
import os
import pathlib
import select
from dataclasses import dataclass

from support.client import Connection, make_request
from support.kernel import wait_queued, wait_read
from support.server import Server
from support.waiting import Gate

# Long enough for a server that does answer, as a test of silence can only wait and see.
SILENCE_S = 0.4

SPARE = 10  # connections for attempts to hold their owner


def switch_off(mechanism: str | None) -> list[str]:
    """Options that switch off one of the mechanisms the tests are about; None: nothing."""
    return ["--debug-without", mechanism] if mechanism else []


def nobody_answers(connections, seconds: float = SILENCE_S) -> bool:
    """Whether nothing comes on any of the connections for a while."""
    return not select.select([connection.socket for connection in connections], [], [], seconds)[0]


class Ledger:
    """The file in which pyapps/behaviour/ledger.py writes what it runs."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def lines(self, word: str) -> list[tuple[str, int]]:
        """(id, pid) of every line with this word, in order of writing."""
        if not self.path.exists():
            return []
        rows = [line.split() for line in self.path.read_text().splitlines()]
        return [(row[0], int(row[2])) for row in rows if row[1] == word]

    def begun(self) -> list[str]:
        """Ids in the order in which the application was called for them; one that ran twice is there twice."""
        return [name for name, _ in self.lines("begin")]

    def runner(self, name: str) -> int:
        """The process that was called for `name`, which must have been once."""
        pids = [pid for other, pid in self.lines("begin") if other == name]
        assert len(pids) == 1, f"{name} was begun {len(pids)} times"
        return pids[0]

    def check_none_twice(self) -> None:
        twice = [name for name, count in collections.Counter(self.begun()).items() if count > 1]
        assert not twice, f"called more than once for {twice}"


@dataclass
class Held:
    """A request that stands at a gate, and with it the app thread that runs it."""

    name: str
    pid: int
    gate: Gate
    connection: Connection

    def let_go(self) -> None:
        self.gate.open()

    def finish(self):
        """Opens the gate and returns the response."""
        self.let_go()
        return self.connection.read_response()


class Crew:
    """A server whose application keeps a ledger."""

    def __init__(self, server: Server, directory: pathlib.Path):
        self.server = server
        self.directory = directory
        self.ledger = Ledger(directory / "ledger")
        self.gates: list[Gate] = []
        self.numbers = itertools.count(1)

    # Requests.

    def target(self, name: str, **options) -> str:
        words = [f"id={name}", f"log={self.ledger.path}", *(f"{key}={value}" for key, value in options.items())]
        return "/ledger/?" + "&".join(words)

    def connect_known(self, count: int) -> list[Connection]:
        """New connections that each belong to a worker: it has answered a request on it."""
        connections = [self.server.connect() for _ in range(count)]
        for connection in connections:
            self.ask(connection)
        return connections

    def ask(self, connection: Connection, name: str | None = None, **options) -> int:
        """Makes a request; returns the pid of the process that answered."""
        response = connection.request(self.target(name or self.next_name("ask"), **options))
        assert response.status == 200, response.head
        return response.json()["pid"]

    def send(self, connection: Connection, name: str, **options) -> None:
        connection.send(make_request(self.target(name, **options)))

    def send_and_wait_read(self, connection: Connection, name: str, **options) -> None:
        """Sends a request that cannot be run now, and waits until the server has read it."""
        self.send(connection, name, **options)
        wait_read(connection)

    def send_and_wait_queued(self, connection: Connection, name: str, **options) -> None:
        """The same until it is in the queue of all workers."""
        self.send(connection, name, **options)
        wait_queued(connection, self.server.worker_pids())

    def check_answer(self, connection: Connection, name: str) -> int:
        """Reads the response to `name`; returns the pid of the process that ran it."""
        response = connection.read_response()
        assert response.status == 200, response.head
        assert response.json()["id"] == name
        return response.json()["pid"]

    def next_name(self, word: str) -> str:
        return f"{word}-{next(self.numbers)}"

    # Holding workers.

    def make_gate(self) -> Gate:
        gate = Gate(self.directory, f"gate-{len(self.gates)}")
        self.gates.append(gate)
        return gate

    def hold(self, connection: Connection | None = None) -> Held:
        """Sends a request that keeps an app thread until it is let go, and waits until it stands there."""
        name, gate = self.next_name("held"), self.make_gate()
        connection = connection or self.server.connect()
        self.send(connection, name, gate=gate.path)
        gate.wait_reached()
        return Held(name, self.ledger.runner(name), gate, connection)

    def hold_all(self, count: int) -> list[Held]:
        """Holds `count` app threads, all there are."""
        return [self.hold() for _ in range(count)]

    def connections_of_one(self, count: int) -> tuple[int, list[Connection]]:
        """Of two workers: `count` idle connections that belong to one of them, and its pid; both are idle then."""
        owned: dict[int, list[Connection]] = {}
        while max(map(len, owned.values()), default=0) < count:
            connection = self.server.connect()
            owned.setdefault(self.ask(connection), []).append(connection)
        owner, connections = max(owned.items(), key=lambda item: len(item[1]))
        for pid, others in owned.items():
            for connection in others:
                if pid != owner:
                    connection.close()
        return owner, connections

    def hold_owner(self, count: int) -> tuple[Held, list[Connection]]:
        """Of two workers: holds one, and returns `count` idle connections that belong to it. An idle worker runs itself
        what comes on its connections, unless the machine keeps it from running for a while."""
        owner, connections = self.connections_of_one(count + SPARE)
        for _ in range(SPARE):
            held = self.hold(connections.pop())
            if held.pid == owner:
                return held, connections[:count]
            assert held.finish().status == 200
        raise AssertionError(f"worker {owner} leaves what comes on its connections to the other")

    def give_up(self) -> None:
        """Opens all gates for ever, whether somebody stands there or not, so that the server can end."""
        for gate in self.gates:
            gate.release()
            fd = os.open(gate.path, os.O_RDWR | os.O_NONBLOCK)
            os.write(fd, b"\n" * 100)
            gate.fd = fd
