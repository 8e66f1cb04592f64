# SPDX-License-Identifier: MIT
"""SIGUSR2: the program is started anew beside the old master and takes its place when it is ready, and nobody's request
is lost. test_upgrade_rollback.py: when it does not become ready; test_upgrade_surroundings.py: what goes over."""

from __future__ import annotations

import collections
import os
import shutil
import signal
import subprocess

import pytest

from support import processes
from support.client import make_request
from support.load import Load
from support.server import SPAWNED, find_binary
from support.upgrades import (
    APPLICATION,
    DONE,
    MODES,
    WAITS,
    begin_held,
    end,
    gate_for_all,
    replace,
    upgrade,
    wait_old_gone,
)
from support.users import only_root, public_folder
from support.waiting import Gate, wait_until


@MODES
def test_ten_upgrades_under_load_lose_nothing(serve_shop, options):
    server = serve_shop(*options)
    with Load(server.port) as load:
        for _ in range(10):
            old = server.master_pid
            upgrade(server)
            wait_old_gone(server, old)
            load.wait_answers()
    assert not load.errors


def test_new_code_is_served_and_the_old_master_goes(serve_shop, write):
    server = serve_shop()
    old = server.worker_pids()
    assert server.request("/").text == "first"
    write("second")
    new = upgrade(server)
    assert server.process.wait(60) == 0
    assert new != server.pid and processes.is_running(new)
    assert {server.request("/").text for _ in range(10)} == {"second"}
    assert not any(map(processes.is_running, old))


def test_an_upgrade_of_one_that_has_just_begun(serve_shop):
    """The order may come before the new master has been told that it serves."""
    server = serve_shop(workers=1)
    for _ in range(5):
        upgrade(server)


def test_requests_that_have_begun_are_finished(serve_shop, write, gate):
    server = serve_shop()
    with server.connect() as connection:
        connection.send(make_request(f"/gated?{gate.path}"))
        gate.wait_reached()
        write("second")
        upgrade(server)
        wait_until(lambda: server.request("/").text == "second", "the new code")
        gate.open()
        assert connection.read_response().text == "first"


@pytest.mark.parametrize("workers", [1, 2])
def test_idle_connections_go_over(serve_shop, write, workers):
    server = serve_shop("--keep-alive", "1h", workers=workers)
    connections = []
    for _ in range(100):
        connections.append(server.connect())
        assert connections[-1].request("/").text == "first"
    write("second")
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    for connection in connections:
        assert connection.request("/").text == "second"


def test_a_new_program_in_the_same_place_is_started(serve_shop, program):
    server = serve_shop()
    copied = program.with_name("kept")
    shutil.copy2(program, copied)
    replace(program, f'#!/bin/sh\necho "this is the new program" >&2\nexec {copied} "$@"\n')
    upgrade(server)
    assert server.log_contains("this is the new program")


def test_the_old_master_dies_while_the_new_one_starts(serve_shop, write, gate):
    """Then the new one has the server, and its listeners are there."""
    server = serve_shop()
    old = server.worker_pids()
    new = begin_held(server, write, gate)
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    server.master_pid = new
    processes.wait_gone(old, "the workers of the old one")
    with gate_for_all(gate):
        server.wait_for_log("has gone: this one takes its place")
        assert server.request("/").text == "second"
    os.kill(new, signal.SIGTERM)
    server.wait_exit()


def test_an_upgrade_to_what_starts_from_what_does_not(start, write, tmp_path, gate):
    """The old master does not give up while the new one starts: that would take the server's listeners with it."""
    second = Gate(tmp_path, "second")
    write("first", before=WAITS.format(path=gate.path) + "; raise ValueError")
    server = start("shop", "--pythonpath", tmp_path, workers=1, ready=False)
    gate.wait_reached()
    new = begin_held(server, write, second)
    with gate_for_all(gate):
        server.wait_for_log(r"worker \d .* exited with status 3")
    with gate_for_all(second):
        server.master_pid = new
        server.wait_for_log(DONE)
        wait_until(lambda: server.request("/").text == "second", "the new code")
    assert not server.log_contains("giving up")
    end(server)


def test_twelve_upgrades_leave_nothing_behind(serve_shop):
    server = serve_shop()

    def look() -> collections.Counter:
        return processes.open_descriptors(server.master_pid)

    def upgrade_and_wait() -> None:
        old = server.master_pid
        upgrade(server)
        wait_old_gone(server, old)
        wait_until(lambda: len(processes.children(server.master_pid)) == 2, "only the new ones to be there")

    upgrade_and_wait()
    counts = [look()]  # what leads to the old master may be open for a moment still
    for _ in range(12):
        upgrade_and_wait()
        counts.append(look())
    wait_until(lambda: not look() - counts[0], f"no more descriptors than before: {counts}")


@pytest.fixture
def public_shop(tmp_path):
    """The application where every user may read it."""
    with public_folder() as folder:
        (folder / "shop.py").write_text(APPLICATION.format(version="public", before=""))
        yield folder


@only_root
def test_as_root_with_user(serve_shop, public_shop):
    server = serve_shop("--user", "nobody", "--pythonpath", public_shop)
    upgrade(server)
    mark = [int(match["pid"]) for match in server.log.find_all(SPAWNED.pattern)][-1]
    status = (processes.PROC / str(mark) / "status").read_text()
    assert "Uid:\t0" not in status
    assert "Uid:\t0" in (processes.PROC / str(server.master_pid) / "status").read_text()
    upgrade(server)


def test_in_the_sandbox(serve_shop, write):
    server = serve_shop("--sandbox", "best-effort")
    write("second")
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    assert server.request("/").text == "second"


def test_with_a_monitor_nobody_is_told_that_it_died(serve_shop):
    server = serve_shop("--metrics-bind", "127.0.0.1:0", "--drain-delay", "5s")
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    assert not server.log_contains("goes on without it") and not server.log_contains("--drain-delay")


@pytest.mark.parametrize("channel", [None, -1, 0, 1, 99])
def test_a_foreign_variable_is_no_upgrade(channel):
    value = "yes" if channel is None else f"1 from=1 channel={channel} keeper=-1 queue=-1,-1,0\n"
    result = subprocess.run(
        [find_binary(), "shop"], env={"CLUTCH_UPGRADE": value}, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 1 and "expected this variable not to be set" in result.stderr
