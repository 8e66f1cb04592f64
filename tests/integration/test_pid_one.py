# SPDX-License-Identifier: MIT
"""The master as PID 1 of a container: signals work, orphans are reaped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

from support import processes
from support.client import make_request
from support.server import BEHAVIOUR
from support.waiting import wait_until

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def find_prefix() -> list[str]:
    """Returns a command that gives what follows it a pid namespace of its own; skips where the kernel refuses one."""
    if shutil.which("unshare"):
        for prefix in (UNSHARE, [*UNSHARE, "--user", "--map-root-user"]):
            if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
                return prefix
    pytest.skip("this machine allows no pid namespaces")


@pytest.fixture
def server(start):
    made = start("router", "--pythonpath", BEHAVIOUR, prefix=find_prefix(), workers=2)
    made.master_pid = processes.children(made.pid)[0]  # as seen from here
    made.descriptors_at_start.clear()  # the pids in the log are not those seen from here
    return made


def test_it_is_pid_one(server):
    server.wait_for_log(r"clutch \d+\.\d+\.\d+ \(.*\), master pid 1$")
    assert server.request("/blocks/list-of-one").body == b"one"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_stop(server, number):
    """PID 1 gets no default action for any signal: it must have asked for them."""
    server.send_signal(number)
    assert server.wait_exit() == 0
    server.wait_for_log(f"stopping: {number.name}")
    assert server.log.lines[-1].endswith("stopped")


def test_workers_are_replaced(server):
    mark = server.log.mark()
    os.kill(processes.children(server.master_pid)[0], signal.SIGKILL)
    server.wait_for_log("was killed by signal 9", after=mark)
    server.wait_for_log("spawned worker", after=mark)
    assert server.request("/blocks/list-of-one").body == b"one"


def test_orphans_are_reaped(server):
    """An application that leaves processes behind: PID 1 inherits them, and no zombie may stay."""
    assert server.request("/orphans/?count=5").body == b"5"

    def zombies():
        return [
            pid
            for pid in processes.all_pids()
            if (stat := processes.read_stat(pid)) and stat[0] == "Z" and int(stat[1]) == server.master_pid
        ]

    wait_until(lambda: len(processes.children(server.master_pid)) == 2 and not zombies(), "orphans to be reaped")


# An upgrade: process 1 may not end before the server does.


def upgrade(server) -> int:
    """Returns the pid of the new master, as seen from here: the only child of process 1 that is left."""
    before = processes.children(server.master_pid)
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    server.wait_for_log(r"upgrade done after", after=mark)
    wait_until(lambda: len(set(processes.children(server.master_pid)) - set(before)) == 1, "the new master to be a child")
    processes.wait_gone(before, "those before")
    server.log.wait_for("process 1 stays, and passes signals on to master")
    return processes.children(server.master_pid)[0]


def test_it_stays_after_an_upgrade(server):
    new = upgrade(server)
    assert processes.is_running(server.master_pid)
    assert len(processes.children(new)) == 2
    assert server.request("/blocks/list-of-one").body == b"one"
    assert sum(processes.open_descriptors(server.master_pid)[kind] for kind in ("socket", "anon_inode:[signalfd]")) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
def test_it_passes_a_stop_on(server, number):
    upgrade(server)
    server.send_signal(number)
    assert server.wait_exit() == 0
    assert server.log_contains(f"stopping.*: {number.name}")
    assert server.log.lines[-1].endswith("stopped")


def test_it_passes_reloads_and_further_upgrades_on(server):
    upgrade(server)
    mark = server.log.mark()
    server.send_signal(signal.SIGHUP)
    server.wait_for_log("reload done: generation 2", after=mark)
    masters = {upgrade(server) for _ in range(3)}
    assert len(masters) == 3
    server.send_signal(signal.SIGTTIN)
    server.wait_for_log("one worker more: 3")
    assert server.stop() == 0


def test_it_ends_as_the_master_does_that_serves(server):
    upgrade(server)
    new = upgrade(server)
    os.kill(new, signal.SIGKILL)
    assert server.wait_exit() == 128 + signal.SIGKILL
    assert server.log_contains("was killed by SIGKILL")
    server.check_leftovers()


def test_an_upgrade_that_fails_leaves_it_as_it_was(start, tmp_path):
    (tmp_path / "shop.py").write_text("def application(environ, start_response): start_response('200 OK', []); return []")
    server = start("shop", "--pythonpath", tmp_path, prefix=find_prefix(), workers=2)
    server.master_pid = processes.children(server.pid)[0]
    server.descriptors_at_start.clear()
    (tmp_path / "shop.py").write_text("raise ValueError")
    server.send_signal(signal.SIGUSR2)
    server.wait_for_log("rolled back: the new master has ended with status 3")
    assert server.request("/").status == 200
    assert server.stop() == 0


def test_a_stop_while_the_old_workers_still_finish(server, gate):
    """Process 1 passes it on at once, and lets them finish."""
    with server.connect() as connection:
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        mark = server.log.mark()
        server.send_signal(signal.SIGUSR2)
        server.wait_for_log("upgrade done after", after=mark)
        server.wait_for_log("ready: 2 workers serve", after=mark)
        server.send_signal(signal.SIGTERM)
        server.wait_for_log("stopped$", after=mark)
        gate.open()
        assert connection.read_response().status == 200
    assert server.wait_exit() == 0
