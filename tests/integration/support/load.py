# SPDX-License-Identifier: MIT
"""Clients in a process of their own that ask without end and forgive nothing: each response must be whole, and a
connection may end only after a response that has said so."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import sys
import threading
import time

SUPPORT = pathlib.Path(__file__).resolve().parent
PAUSE_S = 0.002


class Load:
    """with Load(port) as load: ... ; then load.total requests have been answered, load.errors must be empty."""

    def __init__(self, port: int, lasting: int = 4, fresh: int = 2, target: str = "/"):
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(port), str(lasting), str(fresh), target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": str(SUPPORT.parent)},
        )
        self.errors: list[str] = []
        self.bodies: dict[str, int] = {}

    @property
    def total(self) -> int:
        return sum(self.bodies.values())

    def __enter__(self) -> Load:
        assert self.process.stdout.readline() == "answered\n", "all clients have had an answer"
        return self

    def wait_answers(self) -> None:
        """Waits until each client has had one more answer, or an error."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "answered\n"

    def __exit__(self, *_) -> None:
        output, _ = self.process.communicate("")
        result = json.loads(output)
        self.errors, self.bodies = result["errors"], result["bodies"]


class Client(threading.Thread):
    def __init__(self, port: int, target: str, is_lasting: bool, is_over: threading.Event):
        super().__init__()
        self.port = port
        self.is_lasting = is_lasting
        self.is_over = is_over
        self.has_answer = threading.Event()
        self.errors: list[str] = []
        self.bodies: dict[str, int] = {}
        end = "" if is_lasting else "Connection: close\r\n"
        self.request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{end}\r\n".encode()

    def run(self) -> None:
        connection = None
        while not self.is_over.is_set():
            try:
                if connection is None:
                    connection = socket.create_connection(("127.0.0.1", self.port), 60)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(self.request)
                is_closed = self.read_response(connection)
            except (OSError, ValueError) as error:
                self.errors.append(f"{'lasting' if self.is_lasting else 'fresh'}: {error!r}")
                is_closed = True
            if is_closed:
                connection.close()
                connection = None
            self.has_answer.set()
            time.sleep(PAUSE_S)

    def read_response(self, connection: socket.socket) -> bool:
        """Returns whether the connection ends with it."""
        head, _, body = self.read(connection, b"", lambda data: b"\r\n\r\n" in data).partition(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        if not lines[0].startswith("http/1.1 200 "):
            raise ValueError(lines[0])
        fields = dict(line.split(": ", 1) for line in lines[1:])
        length = int(fields["content-length"])
        text = self.read(connection, body, lambda data: len(data) >= length).decode()
        self.bodies[text] = self.bodies.get(text, 0) + 1
        return "close" in fields.get("connection", "")

    @staticmethod
    def read(connection: socket.socket, data: bytes, is_enough) -> bytes:
        while not is_enough(data):
            more = connection.recv(65536)
            if not more:
                raise ValueError(f"the connection ended after {data!r}")
            data += more
        return data


def wait_answers(clients: list[Client]) -> None:
    for client in clients:
        client.has_answer.clear()
    for client in clients:
        client.has_answer.wait()
    print("answered", flush=True)


def main() -> None:
    port, lasting, fresh = map(int, sys.argv[1:4])
    is_over = threading.Event()
    clients = [Client(port, sys.argv[4], number < lasting, is_over) for number in range(lasting + fresh)]
    for client in clients:
        client.start()
    wait_answers(clients)
    for _ in sys.stdin:
        wait_answers(clients)
    is_over.set()
    bodies: dict[str, int] = {}
    for client in clients:
        client.join()
        for body, count in client.bodies.items():
            bodies[body] = bodies.get(body, 0) + count
    print(json.dumps({"errors": [error for client in clients for error in client.errors], "bodies": bodies}))


if __name__ == "__main__":
    main()
