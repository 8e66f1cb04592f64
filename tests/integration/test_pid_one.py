# SPDX-License-Identifier: MIT
"""The master as PID 1 of a container: signals work, orphans are reaped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

from support import processes
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
