# SPDX-License-Identifier: MIT
"""Fixtures of the tests of a comparison: the program under test, and comparisons run from their command line."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

TREE = pathlib.Path(__file__).resolve().parents[2]
PYAPPS = TREE / "pyapps"
sys.path.insert(0, str(PYAPPS))

from compare import document  # noqa: E402

LIMIT_S = 100.0


def find_binary() -> str:
    """Returns the program under test: $CLUTCH_BINARY, or that of the release preset."""
    return os.path.abspath(os.environ.get("CLUTCH_BINARY", TREE / "build" / "release" / "clutch"))


@pytest.fixture(scope="session")
def clutch() -> str:
    binary = find_binary()
    assert os.access(binary, os.X_OK), f"no program at {binary}: build it first, or set CLUTCH_BINARY"
    return binary


class Comparison:
    """`python -m compare` with an output directory of its own, as a child process."""

    def __init__(self, arguments, out: pathlib.Path, environment=None, cwd=TREE):
        self.out = out
        self.process = subprocess.Popen(
            [sys.executable, "-m", "compare", "--clutch", find_binary(), "--out", str(out), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(PYAPPS), "COMPARE_PYTHONPATH": "", **(environment or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
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


@pytest.fixture
def begin(tmp_path):
    """begin(*arguments, **options) -> Comparison that runs; it is ended with the test."""
    begun: list[Comparison] = []

    def start(*arguments, **options) -> Comparison:
        begun.append(Comparison(arguments, tmp_path / f"out-{len(begun)}", **options))
        return begun[-1]

    yield start
    for comparison in begun:
        if comparison.process.poll() is None:
            comparison.process.terminate()
            comparison.process.communicate(timeout=LIMIT_S)


@pytest.fixture
def run(begin):
    """run(*arguments, status=0, **options) -> Comparison that has ended with that exit status."""

    def run_one(*arguments, status: int = 0, **options) -> Comparison:
        comparison = begin(*arguments, **options)
        ended = comparison.finish()
        assert ended == status, f"exit status {ended}\n{comparison.text}\n{comparison.errors}"
        return comparison

    return run_one
