# SPDX-License-Identifier: MIT
"""The standard output as a place that may go away: a closed pipe or a full disk must not cost what was measured."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any


class Output:
    """The standard output; when it cannot be written to any more, what is written goes nowhere."""

    def __init__(self) -> None:
        self.file: Any = sys.stdout if sys.stdout is not None else open(os.devnull, "w", encoding="utf-8")
        self.is_lost = False

    def write(self, text: str) -> int:
        self._try(lambda: self.file.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self.file.flush)

    def _try(self, action: Any) -> None:
        try:
            action()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        """Whoever closes a pipe knows it; other reasons are told."""
        if error.errno != errno.EPIPE:
            sys.stderr.write(f"setup/compare: cannot write to the standard output: {error.strerror}\n")
        self.is_lost = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)
