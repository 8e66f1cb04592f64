# SPDX-License-Identifier: MIT
"""Clients of more kinds than the stress test has: they pipeline, drip, read slowly, send what is no request, upload what
goes to a file. Each keeps account of every request that it makes."""

from __future__ import annotations

import hashlib
import socket
import time

from support.client import Connection, ProtocolError, make_request
from support.stress import LOST, RIGHT, Account, Client

REFUSED = "refused"

WAYS = {"ordinary": 12, "pipelined": 3, "dripped": 2, "large upload": 1, "slow reader": 1, "malformed": 2, "half": 1}

MALFORMED = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"NONSENSE\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
]

SLOW_BLOCKS, SLOW_BYTES = 100, 10_000


class SoakClient(Client):
    """Makes `rate` requests a second on the average, or as many as the server allows."""

    def __init__(self, crew, number: int, seed: int, rate: float):
        super().__init__(crew, number, seed)
        self.rate = rate

    def run(self) -> None:
        while not self.is_over.is_set():
            way = self.random.choices(list(WAYS), list(WAYS.values()))[0]
            if way == "ordinary":
                self.make_one()
            else:
                self.run_way(way)
            self.is_over.wait(self.random.expovariate(self.rate))
        self.drop()

    def run_way(self, way: str) -> None:
        before = len(self.accounts)
        try:
            self.open(fresh=way in ("slow reader", "malformed", "half"))
            getattr(self, "make_" + way.replace(" ", "_"))()
        except (ProtocolError, BrokenPipeError, ConnectionResetError):
            self.drop()
        except TimeoutError:
            self.mistakes.append(f"client {self.number} waited for ever: {self.accounts[before:]}")
            self.drop()
        for account in self.accounts[before:]:
            account.outcome = account.outcome or LOST
            account.ended_s = account.ended_s or time.monotonic()

    def open(self, fresh: bool) -> None:
        if fresh:
            self.drop()
        if self.connection is None:
            self.alive_s = time.monotonic()  # before: whoever accepts may be killed before this thread goes on
            self.connection = Connection(*self.crew.server.addresses()[0])

    def begin(self, kind: str) -> Account:
        account = Account(f"{self.number}-{len(self.accounts)}", kind, self.alive_s, time.monotonic())
        self.accounts.append(account)
        return account

    def take_right_answer(self, account: Account, body: bytes = b"") -> None:
        response = self.connection.read_response()
        if not response.is_complete:
            raise ProtocolError("cut off")
        account.outcome, account.ended_s = RIGHT, time.monotonic()
        self.alive_s = account.sent_s
        answer = response.json() if response.status == 200 else {}
        account.pid = answer.get("pid")
        if answer.get("id") != account.name or answer.get("hash") != hashlib.sha256(body).hexdigest():
            self.mistakes.append(f"{account}: {response.head!r} {response.body[:200]!r}")
        if response.says_close:
            raise ProtocolError("the server closes")

    def make_pipelined(self) -> None:
        accounts = [self.begin("pipelined") for _ in range(self.random.randrange(2, 6))]
        self.connection.send(b"".join(make_request(self.crew.target(account.name)) for account in accounts))
        for account in accounts:
            self.take_right_answer(account)

    def make_dripped(self) -> None:
        account = self.begin("dripped")
        body = self.random.randbytes(400)
        data = make_request(self.crew.target(account.name), "POST", body=body)
        for start in range(0, len(data), 60):
            self.connection.send(data[start : start + 60])
            time.sleep(0.02)
        self.take_right_answer(account, body)

    def make_large_upload(self) -> None:
        account = self.begin("large upload")
        body = self.random.randbytes(self.random.randrange(1_000_000, 3_000_000))
        self.connection.send(make_request(self.crew.target(account.name), "POST", body=body))
        self.take_right_answer(account, body)

    def make_slow_reader(self) -> None:
        account = self.begin("slow reader")
        self.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.connection.send(make_request(self.crew.target(account.name, blocks=SLOW_BLOCKS, size=SLOW_BYTES)))
        head = self.connection.read_head()
        size = 0
        while chunk := self.connection.read_chunk():
            size += len(chunk)
            time.sleep(0.005)
        account.outcome, account.ended_s = RIGHT, time.monotonic()
        if head.status != 200 or size != SLOW_BLOCKS * SLOW_BYTES:
            self.mistakes.append(f"{account}: {head.head!r} {size}")
        self.drop()

    def make_malformed(self) -> None:
        account = self.begin("malformed")
        self.connection.send(self.random.choice(MALFORMED))
        response = self.connection.read_head()
        account.outcome, account.ended_s = REFUSED, time.monotonic()
        if not (400 <= response.status < 600 and response.says_close):
            self.mistakes.append(f"{account}: {response.head!r}")
        self.drop()

    def make_half(self) -> None:
        """Goes away in the middle of a head or a body. Nobody is called for it."""
        data = make_request(self.crew.target("never"), "POST", body=b"x" * 100_000)
        self.connection.send(data[: self.random.randrange(1, len(data))])
        time.sleep(self.random.choice([0, 0.01, 0.05]))
        self.drop()
