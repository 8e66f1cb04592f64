# SPDX-License-Identifier: MIT
"""Fixtures of the tests of a comparison: the program under test, and comparisons run from their command line."""

from __future__ import annotations

import os

import pytest
from comparison_support import LIMIT_S, PYAPPS, TREE, Comparison, find_binary

__all__ = ["LIMIT_S", "PYAPPS", "TREE", "Comparison", "find_binary"]


@pytest.fixture(scope="session")
def clutch() -> str:
    binary = find_binary()
    assert os.access(binary, os.X_OK), f"no program at {binary}: build it first, or set CLUTCH_BINARY"
    return binary


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
