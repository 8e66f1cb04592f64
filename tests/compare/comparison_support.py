# SPDX-License-Identifier: MIT
"""Where the tests of a comparison find things, and a comparison that is run from its command line."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
PYAPPS = TREE / "pyapps"
sys.path.insert(0, str(PYAPPS))

from compare import document  # noqa: E402

LIMIT_S = 100.0

# Says that it was called, and answers only when the file `go` is there or five minutes have passed.
HELD = """\
import os, pathlib, time
here = pathlib.Path(__file__).parent
def application(environ, start_response):
    (here / "called").touch()
    for _ in range(30000):
        if (here / "go").exists():
            break
        time.sleep(0.01)
    start_response("200 OK", [])
    return [b"ok"]
"""


def write_app(tmp_path, text):
    path = tmp_path / "shop.py"
    path.write_text(text)
    return path


def find_binary() -> str:
    """Returns the program under test: $CLUTCH_BINARY, or that of the release preset."""
    return os.path.abspath(os.environ.get("CLUTCH_BINARY", TREE / "build" / "release" / "clutch"))


def wait_for(condition) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


class Comparison:
    """`python -m compare` with an output directory of its own, as a child process."""

    def __init__(self, arguments, out: pathlib.Path, environment=None, cwd=TREE, stdout=subprocess.PIPE):
        self.out = out
        self.process = subprocess.Popen(
            [sys.executable, "-m", "compare", "--clutch", find_binary(), "--out", str(out), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(PYAPPS), "COMPARE_PYTHONPATH": "", **(environment or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.text = self.errors = ""

    def finish(self) -> int:
        """Waits for its end; returns its exit status."""
        self.text, self.errors = self.process.communicate(timeout=LIMIT_S)
        return self.process.returncode

    def document(self) -> document.Document:
        return document.read(self.out / "comparison.json")
