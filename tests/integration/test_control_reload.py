# SPDX-License-Identifier: MIT
"""clutch reload: what it says of a reload that succeeds, fails, takes long, or meets the end of the server."""

from __future__ import annotations

import signal

import pytest

from support import processes
from support.control import Control, Pretender, any_name
from support.server import run_clutch

APPLICATION = """
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%s"]
"""


@pytest.fixture
def control():
    return Control(any_name())


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "app.py"
    file.write_text(APPLICATION % "old")
    return file


@pytest.fixture
def server(start, control, file):
    return start(file, "--control-socket", control.address)


def served(server, old) -> bytes:
    """What is answered once the workers of the generation before, which may still accept, are gone."""
    processes.wait_gone(old, "the old workers")
    return server.request("/").body


def test_success(server, control, file):
    old = server.worker_pids()
    file.write_text(APPLICATION % "new")
    result = control.run("reload", "--wait")
    assert (result.returncode, result.stderr) == (0, "")
    assert "generation 2 serves" in result.stdout
    assert served(server, old) == b"new"
    assert control.status()["server"]["generation"] == 2


def test_failure(server, control, file):
    old = server.worker_pids()
    file.write_text("raise RuntimeError('broken')\n")
    result = control.run("reload", "--wait")
    assert (result.returncode, result.stdout) == (1, "")
    assert "clutch: reload failed: worker 1" in result.stderr and "generation 1 serves on" in result.stderr
    assert server.request("/").body == b"old"
    file.write_text(APPLICATION % "new")
    assert control.run("reload", "--wait").returncode == 0
    assert served(server, old) == b"new"


def test_failure_while_nobody_serves(server, control, file):
    """It must not be said then that the generation before serves on."""
    file.write_text("raise RuntimeError('broken')\n")
    server.kill_worker()
    server.wait_for_log("worker 1: next attempt in")
    result = control.run("reload", "--wait")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.endswith("; of generation 1 no worker serves now\n")
    file.write_text(APPLICATION % "new")
    assert control.run("reload", "--wait").returncode == 0
    assert server.request("/").body == b"new"


def test_without_waiting(server, control, file):
    old = server.worker_pids()
    file.write_text(APPLICATION % "new")
    result = control.run("reload")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    server.wait_for_log("reload done: generation 2 serves")
    assert served(server, old) == b"new"


def wait_at(gate) -> str:
    """Source of a module that waits at the gate while it is loaded."""
    return f"open({gate.path!r}, 'rb').read()\n" + APPLICATION % "new"


def test_too_slow(server, control, file, gate):
    file.write_text(wait_at(gate))
    result = control.run("reload", "--wait", "--timeout", "200ms")
    assert (result.returncode, result.stderr) == (
        3, "clutch: the reload has not ended in time (--timeout); it goes on\n")
    gate.open()
    server.wait_for_log("reload done: generation 2 serves")


def test_the_server_stops_meanwhile(server, control, file, gate):
    file.write_text(wait_at(gate))
    assert control.run("reload").returncode == 0
    gate.wait_reached()
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping")
    result = control.run("reload", "--wait", "--timeout", "60s")
    assert result.returncode == 1
    assert result.stderr.startswith("clutch: ") and result.stdout == ""
    gate.release()
    assert server.wait_exit() == 0


@pytest.mark.parametrize("options", [[], ["--wait"]], ids=["at once", "wait"])
def test_a_server_that_stops(start, file, control, options):
    server = start(file, "--control-socket", control.address, "--drain-delay", "60s")
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping in 60 s")
    result = control.run("reload", *options)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "clutch: no reload: the server is stopping\n")
    server.wait_for_log("master: the server stops: the reload that was asked for is not begun")
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def test_another_master_takes_over_meanwhile():
    answers = []
    for pid in (4711, 4712):
        body = b'{"asked":0,"done":0,"pid":%d,"start_time_us":1}' % pid
        answers.append(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with Pretender(answers) as other:
        result = run_clutch("reload", "--wait", other.address)
    assert (result.returncode, result.stderr) == (
        1, "clutch: no reload: another master (pid: 4712) has taken over meanwhile; ask again\n")
