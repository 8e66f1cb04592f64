# SPDX-License-Identifier: MIT
"""Who used the CPUs: processes to the nanosecond, the machine, a control group with a limit; servers that do not
outlive a comparison that was killed."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from compare import guard, processes, usage
from compare.server import Server, free_port, takes_connections

from comparison_support import LIMIT_S, PYAPPS, wait_for

# Threads that have ended use what little CPU this process uses: each too short for a tick of 10 ms.
SHORT_THREADS = """\
import threading, time
def spin():
    end = time.thread_time() + 0.0004
    while time.thread_time() < end: pass
for _ in range(20):
    one = threading.Thread(target=spin); one.start(); one.join()
print("done", flush=True)
input()
"""


def test_short_times_of_threads_that_have_ended_count():
    with subprocess.Popen(
        [sys.executable, "-c", SHORT_THREADS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as child:
        assert child.stdout.readline() == "done\n"
        used_s = processes.session_cpu_s(child.pid)
        ticks_s = sum(map(int, dict(processes.read_stats())[child.pid][processes.OWN_TICKS])) / processes.TICKS_PER_S
        assert used_s >= 0.008 and used_s == pytest.approx(ticks_s, abs=0.03)
        assert used_s * processes.TICKS_PER_S % 1 > 1e-6, "more exact than ticks"
        child.communicate("\n")


def test_without_the_clock_ticks_are_counted(monkeypatch):
    def refuse(_clock):
        raise OSError("no such clock")

    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    before_s = time.process_time()
    fields = dict(processes.read_stats())[os.getpid()]  # it takes a while where there are many processes
    after_s = time.process_time()
    monkeypatch.setattr(processes.time, "clock_gettime_ns", refuse)
    assert before_s - 0.03 <= processes._cpu_s(os.getpid(), fields) <= after_s + 0.01


# The whole machine, as /proc/stat and cpu.stat tell it.


class Machine:
    """A machine of made-up figures: two CPUs, and what each of its parts has used."""

    def __init__(self, monkeypatch, tmp_path, group=None):
        self.now = self.server = self.client = 0.0
        self.cpu0 = self.cpu1 = 0.0
        self.stat = tmp_path / "stat"
        monkeypatch.setattr(usage, "STAT", self.stat)
        monkeypatch.setattr(usage.os, "sched_getaffinity", lambda _pid: {0, 1})
        monkeypatch.setattr(usage.machine, "limiting_cgroup", lambda: group)
        monkeypatch.setattr(usage.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(usage.time, "process_time", lambda: self.client)
        self.write()

    def write(self):
        ticks = [int(seconds * processes.TICKS_PER_S) for seconds in (self.cpu0, self.cpu1)]
        lines = ["cpu  1 2 3 4", *(f"cpu{number} {used} 0 0 777 55 0 0 0 0 0" for number, used in enumerate(ticks))]
        self.stat.write_text("\n".join([*lines, "cpu2 99999 0 0 0 0 0 0 0 0 0", "intr 1"]))

    def pass_time(self, seconds, **used):
        self.now += seconds
        for name, more in used.items():
            setattr(self, name, getattr(self, name) + more)
        self.write()


def test_what_neither_server_nor_client_used_is_others(monkeypatch, tmp_path):
    machine = Machine(monkeypatch, tmp_path)
    watch = usage.Watch(lambda: machine.server, 2.0)
    machine.pass_time(10.0, server=8.0, client=1.0, cpu0=10.0, cpu1=4.0)
    used = watch.used()
    assert used.server_s == pytest.approx(8.0) and used.client_share == pytest.approx(0.1)
    assert used.other_share == pytest.approx(0.25)


def test_rounding_makes_nothing_negative(monkeypatch, tmp_path):
    machine = Machine(monkeypatch, tmp_path)
    watch = usage.Watch(lambda: machine.server, 2.0)
    machine.pass_time(1.0, server=0.5, cpu0=0.49)
    assert watch.used().other_share == 0.0


def test_others_use_no_more_than_there_is(monkeypatch, tmp_path):
    """Ticks are counted when they are over, so a second can have more than a hundred of them."""
    machine = Machine(monkeypatch, tmp_path)
    watch = usage.Watch(lambda: machine.server, 2.0)
    machine.pass_time(1.0, cpu0=1.04, cpu1=1.03)
    assert watch.used().other_share == 1.0


def test_too_short_a_time_tells_nothing_of_others(monkeypatch, tmp_path):
    machine = Machine(monkeypatch, tmp_path)
    watch = usage.Watch(lambda: machine.server, 2.0)
    machine.pass_time(0.1, server=0.05, cpu0=0.1)
    assert watch.used() == (pytest.approx(0.05), None, None)


def test_a_limited_group_leaves_the_rest_to_others(monkeypatch, tmp_path):
    """One of two CPUs is granted: what others use of the second one is not taken away; in the group it is."""
    (tmp_path / "cpu.stat").write_text("usage_usec 0\n")
    machine = Machine(monkeypatch, tmp_path, group=tmp_path)
    first = usage.Watch(lambda: machine.server, 1.0)
    machine.pass_time(10.0, server=9.0, cpu0=9.0, cpu1=10.0)
    (tmp_path / "cpu.stat").write_text("usage_usec 9000000\nuser_usec 1\n")
    assert first.used().other_share == pytest.approx(0.0)
    second = usage.Watch(lambda: machine.server, 1.0)
    machine.pass_time(10.0, server=6.0, cpu0=9.0, cpu1=1.0)
    (tmp_path / "cpu.stat").write_text("usage_usec 18000000\nuser_usec 1\n")
    assert second.used().other_share == pytest.approx(0.3)


def test_a_machine_that_does_not_tell(monkeypatch, tmp_path):
    machine = Machine(monkeypatch, tmp_path, group=tmp_path / "none")
    watch = usage.Watch(lambda: machine.server, 2.0)
    machine.stat.unlink()
    monkeypatch.setattr(machine, "write", lambda: None)
    machine.pass_time(1.0, server=0.5)
    assert watch.used().other_share is None


def test_this_machine():
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        watch = usage.Watch(lambda: 0.0, float(len(busy)))
        wait_for(lambda: time.monotonic() > watch.begin.at_s + 1.0)
        assert watch.used().other_share > 0.5
    finally:
        for each in busy:
            each.kill()
            each.wait()


# Servers whose comparison was killed.

PARENT = """\
import pathlib, signal, sys
from compare.server import Server, Sign
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup may have had it ignored
app = "import os, signal; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; os.fork(); print('on', flush=True)"
server = Server([sys.executable, "-c", app + "; signal.pause()"], 0, pathlib.Path(sys.argv[1]), Sign("on", 2))
with server:
    print(*server.pids(), flush=True)
    input()
"""


def start_parent(tmp_path):
    """A program with a server of two processes that ignore every polite signal; returns it and their pids."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log")],
        env={**os.environ, "PYTHONPATH": str(PYAPPS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return parent, [int(pid) for pid in parent.stdout.readline().split()]


def is_gone(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP], ids=["kill", "hangup"])
def test_servers_end_when_their_comparison_is_killed(tmp_path, number):
    parent, pids = start_parent(tmp_path)
    assert len(pids) == 2 and not any(map(is_gone, pids))
    parent.send_signal(number)
    assert parent.wait(LIMIT_S) == -number
    parent.communicate()
    wait_for(lambda: all(map(is_gone, pids)))


def test_a_server_that_ended_is_forgotten(tmp_path):
    port = free_port()
    program = f"import socket; s = socket.create_server(('127.0.0.1', {port}))\nwhile True: s.accept()"
    with Server([sys.executable, "-c", program], port, tmp_path / "log", ready=takes_connections) as server:
        session = server.process.pid
        assert os.readlink(f"/proc/{session}/fd/0") == "/dev/null", "the guard's pipe is not the server's"
    told = subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__], stdin=subprocess.PIPE, start_new_session=True
    )
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    other = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        told.communicate(b"+%d\n+%d\n-%d\n" % (stranger.pid, other.pid, stranger.pid), timeout=LIMIT_S)
        assert other.wait(LIMIT_S) == -signal.SIGKILL
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
