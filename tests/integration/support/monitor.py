# SPDX-License-Identifier: MIT
"""The monitor of a server: its addresses, its answers, the figures that it shows."""

from __future__ import annotations

import socket

from support.client import Connection, Response
from support.server import Server, parse_address
from support.waiting import LIMIT_S, wait_until

AT = r"metrics and health at (?:(?P<unix>unix:\S+)|https?://(?P<host>\[[^]]+\]|[^:\s]+):(?P<port>\d+))"
SPAWNED = r"spawned monitor \(pid: (\d+)\)"
ANY_PORT = ("--metrics-bind", "127.0.0.1:0")


class Figures:
    """What one scrape has given."""

    def __init__(self, text: str):
        from prometheus_client.parser import text_string_to_metric_families  # for tests of figures alone

        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def get(self, name: str, **labels) -> float:
        return self.samples[(name, frozenset(labels.items()))]

    def sum(self, name: str) -> float:
        """Of all samples of a name."""
        return sum(value for (other, _), value in self.samples.items() if other == name)


class Monitor:
    def __init__(self, server: Server):
        self.server = server

    @property
    def pid(self) -> int:
        return int(self.server.log.find_all(SPAWNED)[-1][1])

    def connect(self, listener: int = 0) -> Connection:
        self.server.addresses()
        address = parse_address(self.server.log.find_all(AT)[listener])
        connection = Connection(*address)
        self.server.connections.append(connection)
        return connection

    def get(self, target: str, method: str = "GET", listener: int = 0) -> Response:
        with self.connect(listener) as connection:
            return connection.request(target, method)

    def status(self, target: str) -> int:
        return self.get(target).status

    def figures(self) -> Figures:
        response = self.get("/metrics")
        assert response.status == 200, response.head
        assert response.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
        return Figures(response.text)

    def wait_for(self, condition, what: str, limit_s: float = LIMIT_S) -> Figures:
        """Scrapes until the condition holds for the figures; returns them."""

        def look():
            figures = self.figures()
            return figures if condition(figures) else None

        return wait_until(look, what, limit_s)

    def wait_status(self, target: str, status: int) -> None:
        wait_until(lambda: self.status(target) == status, f"{status} at {target}")

    def refuses(self) -> bool:
        """Whether nobody listens there any more."""
        family, address = parse_address(self.server.log.find_all(AT)[0])
        with socket.socket(family, socket.SOCK_STREAM) as attempt:
            return attempt.connect_ex(address) != 0
