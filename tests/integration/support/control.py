# SPDX-License-Identifier: MIT
"""The control socket of a server, and programs that pretend to be one."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import threading

from support.client import Connection, Response, make_request
from support.server import run_clutch
from support.waiting import wait_until

numbers = itertools.count(1)


def any_name() -> str:
    """Returns an abstract address that nobody else uses."""
    return f"@clutch-test-{os.getpid()}-{next(numbers)}"


def socket_address(address: str) -> str:
    return "\0" + address[1:] if address.startswith("@") else address


def begin_stuck(server, way: str) -> None:
    """A request for pyapps/behaviour/stuck.py that stays where it is."""
    server.descriptors_at_start = {}  # a stuck request keeps its connection
    server.connect().send(make_request(f"/{way}"))
    server.out.wait_for(f"^{way}: entered")


class Control:
    """What `clutch status` and the like say of the server at an address."""

    def __init__(self, address: str):
        self.address = address

    def run(self, command: str, *options, **keywords):
        return run_clutch(command, *options, self.address, **keywords)

    def status(self) -> dict:
        result = self.run("status", "--json")
        assert (result.returncode, result.stderr) == (0, "")
        return json.loads(result.stdout)

    def ask_for_stacks(self, *options):
        """What `clutch stacks` says when all workers have answered, each of which has a second for that."""

        def look():
            result = self.run("stacks", *options)
            assert (result.stderr, result.returncode in (0, 1)) == ("", True)
            return "did not answer" not in result.stdout and result

        result = wait_until(look, "all workers to answer")
        assert result.returncode == 0
        return result

    def connect(self) -> Connection:
        return Connection(socket.AF_UNIX, socket_address(self.address))

    def get(self, target: str, method: str = "GET") -> Response:
        with self.connect() as connection:
            return connection.request(target, method)


class Pretender:
    """Listens at an abstract address, reads a request from each connection, sends `answer` and hangs up; with None it
    says nothing. A list has an answer for each connection."""

    def __init__(self, answer: bytes | list[bytes] | None):
        self.address = any_name()
        self.answer = answer
        self.connections = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(socket_address(self.address))
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            with contextlib.suppress(OSError):  # whoever asked has gone
                connection.recv(65536)
                if self.answer is not None:
                    connection.sendall(self.answer.pop(0) if isinstance(self.answer, list) else self.answer)
                    connection.close()

    def __enter__(self) -> Pretender:
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in self.connections:
            connection.close()
