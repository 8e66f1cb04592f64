# SPDX-License-Identifier: MIT
"""SIGUSR2 with a program, options or an application that do not come to serve: the old master serves on."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys

import pytest

from support import processes
from support.load import Load
# APPLICATION is what write() looks for here.
from support.upgrades import (
    APPLICATION,
    MODES,
    ROLLED_BACK,
    begin_held,
    fail_to_upgrade,
    gate_for_all,
    replace,
    upgrade,
)
from support.waiting import wait_until


@MODES
def test_a_broken_application_is_rolled_back(serve_shop, write, options):
    server = serve_shop(*options)
    old = server.worker_pids()
    write("broken", before="raise ValueError('unfinished')")
    with Load(server.port) as load:
        why = fail_to_upgrade(server)
    assert not load.errors and list(load.bodies) == ["first"]
    assert "status 3" in why and server.log_contains("ValueError: unfinished")
    assert all(map(processes.is_running, old))
    wait_until(lambda: len(processes.session_members(server.pid)) == (4 if options else 3), "the new processes to go")
    write("mended")
    upgrade(server)
    wait_until(lambda: server.request("/").text == "mended", "the mended application")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "cannot be run, .*clutch: No such file"),
        ("no program", "cannot be run, .*clutch: Exec format error"),
        ("#!/bin/sh\nexit 7\n", "ended with status 7"),
        ("#!/bin/sh\nkill -SEGV $$\n", "killed by SIGSEGV"),
    ],
    ids=["missing", "no program", "exits", "crashes"],
)
def test_a_program_that_does_not_start_is_rolled_back(serve_shop, program, text, expected):
    server = serve_shop()
    replace(program, text)
    assert re.search(expected, fail_to_upgrade(server))
    assert server.request("/").text == "first"


def test_one_that_hangs_is_rolled_back(serve_shop, program):
    server = serve_shop("--boot-timeout", "10s")
    replace(program, "#!/bin/sh\necho hangs >&2\nexec sleep 1000\n")
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    server.wait_for_log("^hangs", after=mark)
    server.send_signal(signal.SIGUSR2)
    server.wait_for_log("an upgrade is under way already: SIGUSR2 is ignored", after=mark)
    assert "not become ready in time" in server.wait_for_log(ROLLED_BACK, after=mark)["why"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT], ids=lambda number: number.name)
def test_a_stop_ends_both(serve_shop, write, gate, number):
    server = serve_shop()
    begin_held(server, write, gate)
    server.send_signal(number)
    assert server.wait_exit() == 0
    assert server.log_contains("the upgrade is given up: the server stops")
    assert not server.log_contains("upgrade done")


def test_a_delayed_stop_ends_both(serve_shop, write, gate):
    """Nobody takes over a server that has been told to stop."""
    server = serve_shop("--drain-delay", "2s")
    begin_held(server, write, gate)
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping in 2 s")
    with gate_for_all(gate):
        assert server.wait_exit() == 0
    assert server.log_contains("the upgrade is given up: the server stops")
    assert not server.log_contains("upgrade done") and not server.log_contains("rolled back")


def test_a_stop_of_the_new_master_alone(serve_shop, write, gate):
    """It is not to take over while --drain-delay lasts, and then to end."""
    server = serve_shop("--drain-delay", "2s")
    os.kill(begin_held(server, write, gate), signal.SIGTERM)
    server.wait_for_log("stopping.*SIGTERM")
    with gate_for_all(gate):
        server.wait_for_log(ROLLED_BACK)
    assert server.request("/").text == "first"


def test_a_reload_waits_for_an_upgrade_that_fails(serve_shop, write, gate):
    server = serve_shop()
    begin_held(server, write, gate, "; raise ValueError")
    server.send_signal(signal.SIGHUP)
    server.wait_for_log("a reload begins if the upgrade that is under way fails")
    write("third")
    with gate_for_all(gate):
        server.wait_for_log(ROLLED_BACK)
        server.wait_for_log("reload done: generation 2")
    wait_until(lambda: server.request("/").text == "third", "the new code")


def test_the_new_master_dies_while_it_starts(serve_shop, write, gate):
    server = serve_shop()
    new = begin_held(server, write, gate)
    os.kill(new, signal.SIGKILL)
    assert "killed by SIGKILL" in server.wait_for_log(ROLLED_BACK)["why"]
    with gate_for_all(gate):
        wait_until(lambda: len(processes.session_members(server.pid)) == 3, "its workers to notice, once loaded")
    assert server.request("/").text == "first"


READY_AND_DEAD = """#!{python}
import os, signal
os.write(2, b"%d is soon dead\\n" % os.getpid())
os.kill(os.getppid(), signal.SIGSTOP)
os.write(int(os.environ["CLUTCH_UPGRADE"].partition("channel=")[2].split()[0]), b"ready 1 1")
"""


def test_the_new_master_dies_when_it_is_ready(serve_shop, program):
    """Its last word was that it is ready; nobody is left to serve but the old one."""
    server = serve_shop()
    replace(program, READY_AND_DEAD.format(python=sys.executable))
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    new = int(server.wait_for_log(r"^(\d+) is soon dead$", after=mark)[1])
    wait_until(lambda: not processes.is_running(new), "the new master to die")
    os.kill(server.pid, signal.SIGCONT)
    assert "ended with status 0" in server.wait_for_log(ROLLED_BACK, after=mark)["why"]
    assert server.request("/").text == "first"


def test_an_address_that_is_taken_is_rolled_back(serve_shop, tmp_path):
    file = tmp_path / "shop.ini"
    file.write_text("[clutch]\nbind = 127.0.0.1:0\n")
    server = serve_shop("-c", file, bind=())
    with socket.create_server(("127.0.0.1", 0)) as other:
        file.write_text(f"[clutch]\nbind = 127.0.0.1:0\nbind = 127.0.0.1:{other.getsockname()[1]}\n")
        fail_to_upgrade(server)
    assert server.log_contains("in use by another process")
    assert server.request("/").text == "first"


def test_a_wrong_option_is_rolled_back(serve_shop, tmp_path):
    file = tmp_path / "shop.ini"
    file.write_text("[clutch]\n")
    server = serve_shop("-c", file)
    file.write_text("[clutch]\nthreads = many\n")
    assert "status 2" in fail_to_upgrade(server)


def test_a_directory_that_has_gone_is_said(serve_shop, tmp_path):
    (tmp_path / "here").mkdir()
    server = serve_shop(cwd=tmp_path / "here")
    (tmp_path / "here").rmdir()
    assert f"cannot be entered, {tmp_path}/here: No such file or directory" in fail_to_upgrade(server)
