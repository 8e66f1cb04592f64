# SPDX-License-Identifier: MIT
"""Fixtures of the tests of the container. They need no Docker: the files are read, and nginx.conf is tried with a real
nginx in front of a real clutch ($CLUTCH_BINARY). The server and client of the integration tests serve here too."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from container_support.proxy import Nginx, find_nginx  # noqa: E402
from support.server import BEHAVIOUR, Server, find_binary  # noqa: E402


@pytest.fixture
def start():
    """start(app, *options, ...) -> Server that is ready; ended and checked after the test."""
    assert os.access(find_binary(), os.X_OK), f"no program at {find_binary()}: build it first, or set CLUTCH_BINARY"
    started = []

    def start_server(app="router", *options, **keywords) -> Server:
        server = Server(app, "--pythonpath", BEHAVIOUR, *options, **keywords)
        started.append(server)
        return server.wait_ready()

    yield start_server
    for server in started:
        server.finish()


@pytest.fixture
def front(tmp_path):
    """front(app: Server, tasks: Server = app) -> Nginx in front of them; ended and checked after the test."""
    try:
        find_nginx()
    except FileNotFoundError as error:
        pytest.fail(str(error))
    started = []

    def start_nginx(app: Server, tasks: Server = None) -> Nginx:
        started.append(Nginx(tmp_path, {"app": app.port, "tasks": (tasks or app).port}))
        return started[-1]

    yield start_nginx
    for nginx in started:
        nginx.finish()
