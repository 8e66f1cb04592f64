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
        self.thread: threading.Thread | None = None
        if reads:
            self.read()

    def read(self) -> None:
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def read_all(self) -> list[dict[str, str]]:
        """Returns all messages that were sent until now; reads no others."""
        self._send_end()
        self.thread.join(LIMIT_S)
        assert not self.thread.is_alive(), "the messages are not read to their end"
        return self.messages

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

    def has_status(self, words: str) -> bool:
        with self.changed:
            return any(words in each.get("STATUS", "") for each in self.messages)

    def mark(self) -> int:
        with self.changed:
            return len(self.messages)

    def close(self) -> None:
        with contextlib.suppress(TimeoutError):
            self._send_end()
        self.socket.close()

    def _send_end(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(5)
            sender.sendto(b"end", self.socket.getsockname())


def prefix_of(*descriptors: int, names: str = "") -> list[str]:
    """A command that passes its arguments' program descriptors from 3 on, as systemd does; they have to be inheritable."""
    return [sys.executable, str(PROGRAM), ",".join(map(str, descriptors)), names]
