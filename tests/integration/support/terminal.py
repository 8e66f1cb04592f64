# SPDX-License-Identifier: MIT
"""A terminal in which a program runs: what it shows, keys, its size."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

from support.server import find_binary, make_environment
from support.waiting import LIMIT_S


class Terminal:
    """`clutch ARGUMENTS` in a terminal of its own; what it shows is right for the kind "linux"."""

    def __init__(self, *arguments, columns: int = 100, lines: int = 40, kind: str = "linux"):
        self.kind = kind
        self.master, self.slave = pty.openpty()
        self.descriptors = (self.master, self.slave)
        self.bytes = b""
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self._set_size(columns, lines)
        self.settings = termios.tcgetattr(self.slave)
        environment = make_environment({"TERM": kind})
        for name in ("COLUMNS", "LINES"):  # they would go before what the terminal says, and after its change
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [find_binary(), *map(str, arguments)],
            stdin=self.slave,
            stdout=self.slave,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.hang_up()

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        self._set_size(columns, lines)
        self.screen.resize(lines, columns)
        self.process.send_signal(signal.SIGWINCH)

    def hang_up(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = ()

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def _read(self, limit_s: float) -> bool:
        if not select.select([self.master], [], [], limit_s)[0]:
            return False
        data = os.read(self.master, 65536)
        self.bytes += data
        self.stream.feed(data)
        return True

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, condition, limit_s: float = LIMIT_S) -> str:
        """Reads until the condition (a text, or a function of what is shown) holds; returns what is shown."""
        end = time.monotonic() + limit_s
        holds = (lambda text: condition in text) if isinstance(condition, str) else condition
        while not holds(self.text):
            left_s = end - time.monotonic()
            if left_s <= 0 or not self._read(left_s):
                raise TimeoutError(f"{condition!r} is not shown:\n{self.text}")
        return self.text

    def wait_exit(self) -> tuple[int, str]:
        """The exit status and what was on standard error; what was still to be shown is read."""
        end = time.monotonic() + LIMIT_S
        while self.process.poll() is None and time.monotonic() < end:
            self._read(0.01)
        while self._read(0):
            continue
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1)
        return self.process.returncode, self.process.stderr.read().decode()

    def check_order(self) -> None:
        """All is as it was before: the settings, the cursor, the screen."""
        assert termios.tcgetattr(self.slave) == self.settings
        pairs = [(b"\x1b[?25h", b"\x1b[?25l")]
        if self.kind.startswith("xterm"):
            pairs.append((b"\x1b[?1049l", b"\x1b[?1049h"))
        for on, off in pairs:
            assert self.bytes.rfind(on) > self.bytes.rfind(off) >= 0
