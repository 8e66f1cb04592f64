# SPDX-License-Identifier: MIT
"""Values that a process must make for itself, such as connections: what was made before a fork belongs to the parent."""

from __future__ import annotations

import os
import threading
from typing import Callable, Generic, List, Optional, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """A value that `make` gives at its first use in each process, for all threads of that process.

    A server that loads the application before it forks (clutch --preload, a Celery worker) would share sockets otherwise, and two
    processes would read each other's answers. The child keeps what it inherited, unused: to drop it could close it for the parent."""

    def __init__(self, make: Callable[[], T]):
        self._make = make
        self._value: Optional[T] = None
        self._inherited: List[T] = []
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._begin_anew)

    def get(self) -> T:
        value = self._value
        if value is None:
            with self._lock:
                if self._value is None:
                    self._value = self._make()
                value = self._value
        return value

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()  # another thread of the parent may have held it
        if self._value is not None:
            self._inherited.append(self._value)
            self._value = None
