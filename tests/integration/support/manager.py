# SPDX-License-Identifier: MIT
"""A service manager for tests: the socket of NOTIFY_SOCKET, and listeners that are passed as systemd does."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import sys
import threading

from support.waiting import LIMIT_S

PROGRAM = pathlib.Path(__file__).resolve().with_name("pass_sockets.py")


class NotifySocket:
    """Collects what a server tells its service manager: each message as a dictionary, in order."""

    def __init__(self, path: str, reads: bool = True):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + path[1:] if path.startswith("@") else path)
        self.changed = threading.Condition()
        self.messages: list[dict[str, str]] = []
        if reads:
            self.read()

    def read(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def fill(self) -> None:
        """Leaves no room for another message."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(BlockingIOError):
            sender.setblocking(False)
            while True:
                sender.sendto(b"FILLER=1", self.socket.getsockname())

    def _read(self) -> None:
        while True:
            try:
                text = self.socket.recv(65536).decode()
            except OSError:
                return
            if text == "end":
                return
            with self.changed:
                self.messages.append(dict(line.split("=", 1) for line in text.split("\n")))
                self.changed.notify_all()

    def wait_for(self, key: str, value: str | None = None, after: int = 0, count: int = 1) -> dict[str, str]:
        """Waits for the message number `count` that has this key (and value); returns it."""

        def found():
            return [each for each in self.messages[after:] if key in each and value in (None, each[key])]

        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) >= count, LIMIT_S), f"{key}: {self.messages}"
            return found()[count - 1]

    def mark(self) -> int:
        with self.changed:
            return len(self.messages)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(TimeoutError):
            sender.settimeout(5)
            sender.sendto(b"end", self.socket.getsockname())
        self.socket.close()


def prefix_of(*descriptors: int, names: str = "") -> list[str]:
    """A command that passes its arguments' program descriptors from 3 on, as systemd does; they have to be inheritable."""
    return [sys.executable, str(PROGRAM), ",".join(map(str, descriptors)), names]
