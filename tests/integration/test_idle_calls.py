# SPDX-License-Identifier: MIT
"""On an idle worker a request costs three system calls of the thread that runs it: wait, receive, send."""

from __future__ import annotations

import collections
import re
import shutil
import signal
import subprocess

import pytest

from support.output import Output
from support.server import BEHAVIOUR
from support.waiting import LIMIT_S

CALL = re.compile(r"^(?P<name>\w+)\(")
KINDS = {
    "w": {"epoll_wait", "epoll_pwait", "epoll_pwait2"},
    "r": {"recvfrom", "recvmsg", "read"},
    "s": {"sendto", "sendmsg", "write", "writev"},
}
COUNT = 100


class Tracer:
    """strace, attached to the first thread of a process."""

    def __init__(self, pid: int, path):
        self.pid, self.path = pid, path
        self.process = subprocess.Popen(
            ["strace", "-p", str(pid), "-o", str(path)], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self.messages = Output("strace", self.process.stderr)
        try:
            self.messages.wait_for(rf"Process {pid} attached")
        except AssertionError:
            self.process.wait(LIMIT_S)
            pytest.skip("this process may not trace others")

    def finish(self) -> list[str]:
        """The names of the calls, in their order."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(LIMIT_S)
        lines = self.path.read_text(errors="replace").splitlines()
        return [match["name"] for line in lines if (match := CALL.match(line))]


def record_calls(server, path, target: str, count: int) -> list[str]:
    """Which system calls the app thread makes for `count` requests on one connection."""
    with server.connect() as connection:
        assert connection.request(target).status == 200
        tracer = Tracer(server.worker_pids()[0], path)
        for _ in range(count):
            assert connection.request(target).status == 200
        return tracer.finish()


@pytest.fixture
def server(start, is_sanitized):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    if is_sanitized:
        pytest.skip("sanitizers make calls of their own")
    return start("router", "--pythonpath", BEHAVIOUR)


def letter_of(name: str) -> str:
    return next((letter for letter, names in KINDS.items() if name in names), "x")


def test_three_calls(server, tmp_path):
    """A thread that is kept from running for a millisecond, by others or by strace, is stood in for, and some requests
    have more calls; twenty in a row that have not are as good as all of them. Hence several attempts."""
    seen = []
    for _ in range(20):
        calls = record_calls(server, tmp_path / "calls", "/blocks/list-of-one", COUNT)
        seen.append(collections.Counter(calls))
        if "wrs" * (COUNT // 5) in "".join(map(letter_of, calls)):
            return
    raise AssertionError(seen)


def test_more_calls_are_seen(server, tmp_path):
    calls = record_calls(server, tmp_path / "calls", "/sleeper/?ms=1", 20)
    assert sum(calls.count(name) for name in ("clock_nanosleep", "select", "pselect6")) >= 20, calls
    assert "wrswrs" not in "".join(map(letter_of, calls))
