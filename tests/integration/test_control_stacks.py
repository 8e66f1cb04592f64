# SPDX-License-Identifier: MIT
"""clutch stacks, by way of the control socket."""

from __future__ import annotations

import os
import re
import signal

import pytest

from support.control import Control, any_name, begin_stuck
from support.server import BEHAVIOUR
from support.waiting import wait_until


@pytest.fixture
def control():
    return Control(any_name())


@pytest.fixture
def server(start, control):
    return start("router", "--pythonpath", BEHAVIOUR, "--control-socket", control.address, workers=2)


@pytest.mark.parametrize("options", [(), ("--preload",), ("--threads", "2")], ids=["plain", "preload", "threads"])
@pytest.mark.parametrize("way", ["sleep", "spin", "add"])
def test_stacks_of_a_stuck_request(start, control, way, options):
    server = start("stuck", "--pythonpath", BEHAVIOUR, "--graceful-timeout", "100ms", *options, "--control-socket",
                   control.address)
    begin_stuck(server, way)

    def look():
        result = control.ask_for_stacks()
        return re.search(rf'stuck\.py", line \d+ in {way}$', result.stdout, re.MULTILINE) and result

    text = wait_until(look, "the function to be entered").stdout
    assert re.match(rf"worker 1 \(pid: {server.worker_pids()[0]}\)\n  app thread [12]: GET /{way} for ", text)


def test_stacks_of_one_worker(server, control):
    result = control.ask_for_stacks("--worker", "2")
    assert [line for line in result.stdout.splitlines() if line.startswith("worker")] == [
        f"worker 2 (pid: {server.worker_pids()[1]})"
    ]
    result = control.run("stacks", "--worker=3")
    assert (result.returncode, result.stderr) == (1, "clutch: there is no worker 3\n")
    assert len(Control.get(control, "/stacks").json()["workers"]) == 2
    assert control.get("/stacks?worker=x").status == 400


def test_a_stopped_worker_does_not_answer(server, control):
    pid = server.worker_pids()[0]
    os.kill(pid, signal.SIGSTOP)

    def look():
        result = control.run("stacks")
        assert result.returncode == 1
        assert f"worker 1 (pid: {pid})\n  runs no request\n  worker 1 did not answer\n" in result.stdout
        return "worker 2 did not answer" not in result.stdout and result

    assert "no Python frame" in wait_until(look, "the other worker to answer").stdout
    os.kill(pid, signal.SIGCONT)
    control.ask_for_stacks()


SLOW_TO_LOAD = """
import os, sys
if os.path.exists({gate!r}):
    open({gate!r}).read()
def application(environ, start_response):
    start_response("200 OK", [])
    return [b""]
"""


@pytest.mark.parametrize("choice", [(), ("--worker", "2")], ids=["all", "one"])
def test_a_worker_that_loads_is_not_asked(start, control, tmp_path, choice):
    app, gate = tmp_path / "app.py", tmp_path / "gate"
    app.write_text(SLOW_TO_LOAD.format(gate=str(gate)))
    server = start(app, "--control-socket", control.address)
    os.mkfifo(gate)
    server.send_signal(signal.SIGTTIN)
    with open(gate, "w", encoding="utf-8"):  # it waits there now
        pid = int(server.wait_for_log(r"spawned worker 2 \(pid: (\d+)")[1])
        result = control.ask_for_stacks(*choice)
        assert f"worker 2 (pid: {pid})\n  runs no request\n  is still starting\n" in result.stdout
    wait_until(lambda: "starting" not in control.run("stacks").stdout, "the worker to be ready")
