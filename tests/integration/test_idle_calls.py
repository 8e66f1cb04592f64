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

CALL = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\(")
WAITS = {"epoll_wait", "epoll_pwait", "epoll_pwait2"}
RECEIVES = {"recvfrom", "recvmsg", "read"}
SENDS = {"sendto", "sendmsg", "write", "writev"}
COUNT = 200


class Tracer:
    """strace, attached to a process and all its threads."""

    def __init__(self, pid: int, path):
        self.pid, self.path = pid, path
        self.process = subprocess.Popen(
            ["strace", "-f", "-p", str(pid), "-o", str(path)], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self.messages = Output("strace", self.process.stderr)
        try:
            self.messages.wait_for(rf"Process {pid} attached")
        except AssertionError:
            self.process.wait(10)
            pytest.skip("this process may not trace others")

    def finish(self) -> collections.Counter:
        """Counts the calls of the first thread of the process."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        lines = self.path.read_text(errors="replace").splitlines()
        matches = [match for line in lines if (match := CALL.match(line))]
        return collections.Counter(match["name"] for match in matches if int(match["thread"]) == self.pid)


def count_calls(server, path, target: str, count: int) -> collections.Counter:
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


def test_three_calls(server, tmp_path):
    """One in twenty may have a call more, as when the sentry has to be woken after a pause."""
    calls = count_calls(server, tmp_path / "calls", "/blocks/list-of-one", COUNT)
    kinds = {
        kind: sum(calls[name] for name in names)
        for kind, names in (("wait", WAITS), ("receive", RECEIVES), ("send", SENDS))
    }
    more = COUNT // 20
    assert all(COUNT - 2 <= count <= COUNT + more for count in kinds.values()), calls
    assert sum(calls.values()) - sum(kinds.values()) <= more, calls


def test_more_calls_are_seen(server, tmp_path):
    calls = count_calls(server, tmp_path / "calls", "/sleeper/?ms=1", 20)
    assert calls["clock_nanosleep"] + calls["select"] + calls["pselect6"] >= 20, calls
