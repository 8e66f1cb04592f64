# SPDX-License-Identifier: MIT
"""Fixtures of the tests of the manifests. They need no cluster: the files are read and judged by the schemas of Kubernetes, and a real
clutch ($CLUTCH_BINARY) is started as a pod would start it."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "integration"), str(TREE / "pyapps")]

from support.server import Server, find_binary  # noqa: E402
from support.waiting import Gate  # noqa: E402


@pytest.fixture
def start():
    """start(app, *options, ...) -> Server that is ready; ended and checked after the test."""
    assert os.access(find_binary(), os.X_OK), f"no program at {find_binary()}: build it first, or set CLUTCH_BINARY"
    started = []

    def start_server(app, *options, **keywords) -> Server:
        started.append(Server(app, *options, **keywords))
        return started[-1].wait_ready()

    yield start_server
    for server in started:
        server.finish()


@pytest.fixture
def make_gate(tmp_path):
    """make_gate() -> a gate for one application to wait at; all are given up at the end of the test."""
    made = []

    def make() -> Gate:
        made.append(Gate(tmp_path, f"gate-{len(made)}"))
        return made[-1]

    yield make
    for gate in made:
        gate.release()
