# SPDX-License-Identifier: MIT
"""setup/container/healthcheck.py against a real server, and without one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from container_support.files import CONTAINER
from support.client import make_request
from support.waiting import Gate


def check(bind, **environment):
    """Runs it; returns its exit status and what it prints."""
    done = subprocess.run(
        [sys.executable, CONTAINER / "healthcheck.py"], capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], "CLUTCH_BIND": bind, **environment},
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def unused_port():
    """A port that refuses connections: bound, and nobody listens."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder, holder.getsockname()[1]


def test_a_server_that_listens_is_well(start):
    server = start()
    assert check(f"127.0.0.1:{server.port}") == (0, "")
    assert check(f"0.0.0.0:{server.port},127.0.0.1:1") == (0, ""), "the first address counts; 0.0.0.0 is this machine"
    assert check(f":{server.port}") == (0, "")


def test_nobody_listens():
    holder, port = unused_port()
    with holder:
        status, text = check(f"127.0.0.1:{port}")
    assert status == 1 and "ConnectionRefusedError" in text and str(port) in text


@pytest.mark.parametrize("path, expected", [("/respond/?status=200+OK", 0), ("/nothing", 1)])
def test_an_answer_is_looked_at(start, path, expected):
    status, text = check(f"127.0.0.1:{start().port}", HEALTHCHECK_PATH=path)
    assert status == expected
    assert expected == 0 or text == "GET /nothing is answered with 404\n"


def test_a_busy_server_is_well(start, tmp_path):
    """It only connects: an application that takes long would make every server look ill."""
    gate = Gate(tmp_path)
    server = start(workers=1)
    with server.connect() as connection:
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        assert check(f"127.0.0.1:{server.port}") == (0, "")
        gate.open()
        assert connection.read_response().status == 200


def test_a_unix_socket(start, tmp_path):
    path = tmp_path / "clutch.sock"
    start(bind=[f"unix:{path}"])
    assert check(f"unix:{path}") == (0, "")
    status, text = check(f"unix:{path}.not-there")
    assert status == 1 and "FileNotFoundError" in text


def test_an_address_without_a_port():
    status, text = check("127.0.0.1:here")
    assert status == 1 and "ValueError" in text
