# SPDX-License-Identifier: MIT
"""Waiting for things to happen, with a limit that is generous because machines are loaded and sanitizer builds are
slow."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import time
from typing import Callable

# How long anything may take before a test gives up on it.
LIMIT_S = float(os.environ.get("CLUTCH_TEST_LIMIT", "60"))

PAUSE_S = 0.005


def wait_until(condition: Callable[[], object], what: str, limit_s: float = LIMIT_S):
    """Returns what `condition` gives as soon as that is true; raises TimeoutError naming `what` at the limit."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {limit_s:g} s")
        time.sleep(PAUSE_S)


def wait_for_none(look: Callable[[], object], limit_s: float = LIMIT_S):
    """Looks until there is nothing; returns that nothing, or what there was at the last look before the limit."""
    seen = []

    def is_nothing() -> bool:
        seen[:] = [look()]
        return not seen[0]

    with contextlib.suppress(TimeoutError):
        wait_until(is_nothing, "nothing", limit_s)
    return seen[0]


class Gate:
    """A named pipe at which an application waits (behaviour/tools.py: wait_at).

    wait_reached() returns once the application stands there; open() lets it go on. A gate serves one wait at a time.
    """

    def __init__(self, directory: pathlib.Path, name: str = "gate"):
        self.path = str(directory / name)
        self.fd = -1
        os.mkfifo(self.path)

    def wait_reached(self, limit_s: float = LIMIT_S) -> None:
        if self.fd < 0:
            self.fd = wait_until(self._try_open, f"the application at {self.path}", limit_s)

    def is_reached(self) -> bool:
        if self.fd < 0:
            self.fd = self._try_open() or -1
        return self.fd >= 0

    def open(self) -> None:
        """Lets the application go on, waiting for it to come first."""
        self.wait_reached()
        self.release()

    def release(self) -> None:
        """Gives up the gate: whoever waits at it goes on."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _try_open(self) -> int | None:
        try:
            return os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return None
