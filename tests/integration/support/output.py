# SPDX-License-Identifier: MIT
"""What a child process prints, collected line by line as it comes, so that a test can wait for a line instead of
sleeping."""

from __future__ import annotations

import re
import threading
import time
from typing import BinaryIO

from support.waiting import LIMIT_S


class Output:
    """The lines of one pipe. A thread reads it to its end."""

    def __init__(self, name: str, pipe: BinaryIO):
        self.name = name
        self.pipe = pipe
        self.changed = threading.Condition()
        self.raw = bytearray()
        self.is_at_end = False
        self.thread = threading.Thread(target=self._read, name=f"reader of {name}", daemon=True)
        self.thread.start()

    def _read(self) -> None:
        while True:
            data = self.pipe.read1(65536)
            with self.changed:
                self.raw += data
                self.is_at_end = not data
                self.changed.notify_all()
            if not data:
                self.pipe.close()
                return

    @property
    def text(self) -> str:
        """All so far, the beginning of an unfinished line included."""
        with self.changed:
            return self.raw.decode("utf-8", "backslashreplace")

    @property
    def lines(self) -> list[str]:
        """All complete lines so far, without their ends; after the end of the pipe an unfinished last line too."""
        with self.changed:
            text, is_at_end = self.raw.decode("utf-8", "backslashreplace"), self.is_at_end
        lines = text.split("\n")
        last = lines.pop()
        return lines + [last] if last and is_at_end else lines

    def find(self, pattern: str, after: int = 0) -> re.Match | None:
        """Returns the match of the first complete line, from line number `after` on, in which `pattern` is found."""
        for line in self.lines[after:]:
            if match := re.search(pattern, line):
                return match
        return None

    def find_all(self, pattern: str) -> list[re.Match]:
        return [match for line in self.lines if (match := re.search(pattern, line))]

    def mark(self) -> int:
        """The number of complete lines so far, for `after`."""
        return len(self.lines)

    def wait_for(self, pattern: str, after: int = 0, count: int = 1, limit_s: float = LIMIT_S) -> list[re.Match]:
        """Waits until `count` complete lines match; returns their matches. Raises AssertionError at the limit or the
        end."""
        end = time.monotonic() + limit_s
        while True:
            with self.changed:
                size, is_at_end = len(self.raw), self.is_at_end
            found = [match for line in self.lines[after:] if (match := re.search(pattern, line))]
            if len(found) >= count:
                return found
            with self.changed:
                left_s = end - time.monotonic()
                if is_at_end or left_s <= 0:
                    why = "it ended" if is_at_end else f"not within {limit_s:g} s"
                    raise AssertionError(f"{self.name}: {pattern!r} ({count} times): {why}. It has:\n{self.text}")
                if len(self.raw) == size and not self.is_at_end:
                    self.changed.wait(left_s)

    def wait_end(self, limit_s: float = LIMIT_S) -> None:
        """Waits until every process that holds the other end of the pipe has closed it."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.is_at_end, limit_s):
                raise AssertionError(f"{self.name} is still held open after {limit_s:g} s")
