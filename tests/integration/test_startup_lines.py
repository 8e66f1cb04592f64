# SPDX-License-Identifier: MIT
"""The lines of a start and a stop, word by word: operators read them and tools search for them."""

from __future__ import annotations

import os
import re
import time

from support.server import BEHAVIOUR, PYAPPS

PREFIX = (
    r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})\] \[(\d+)\] "
    r"\[(debug|info|warning|error|critical)\] ([a-z]+(?: \d+)?): (.*)"
)


def messages(server) -> list[tuple[str, str, str]]:
    """(level, role, message) of every line that is the server's."""
    found = []
    for line in server.log.lines:
        match = re.fullmatch(PREFIX, line)
        assert match, f"not a line of the log: {line!r}"
        found.append(match.groups()[2:])
    return found


def test_start_and_stop(start):
    server = start("ignore_body", "--pythonpath", BEHAVIOUR, workers=5)
    assert server.stop() == 0
    texts = [text for _, _, text in messages(server)]
    python = r"CPython 3\.\d+\.\d+\S*"
    expected = [
        rf"clutch \d+\.\d+\.\d+ \({python}, llhttp \d+\.\d+\.\d+\), master pid {server.pid}",
        r"listening at http://127\.0\.0\.1:\d+ \(backlog \d+\)",
        *[rf"spawned worker {number} \(pid: \d+, cores: 1\)" for number in range(1, 6)],
        rf"application ignore_body ready in \d+ ms \({python}, GIL enabled\)",
        r"ready: 5 workers serve after \d+ ms",
        r"stopping: SIGTERM",
        r"stopped",
    ]
    position = 0
    for pattern in expected:
        found = [i for i, text in enumerate(texts) if re.fullmatch(pattern, text)]
        assert found, f"no line {pattern!r} in {texts}"
        if not pattern.startswith("application"):
            assert found[0] >= position, f"{pattern!r} is out of order"
            position = found[0]
    assert len([text for text in texts if text.startswith("application ")]) in (1, 5)


def test_one_worker_is_singular(start):
    server = start("ignore_body", "--pythonpath", BEHAVIOUR)
    server.wait_for_log(r"ready: 1 worker serves after \d+ ms$")


def test_lines_carry_time_pid_level_and_role(start):
    server = start(PYAPPS / "app_main.py")
    first = re.fullmatch(PREFIX, server.log.lines[0])
    assert abs(time.mktime(time.strptime(first[1][:19], "%Y-%m-%d %H:%M:%S")) - time.time()) < 120
    assert (int(first[2]), first[3], first[4]) == (server.pid, "info", "master")
    assert server.log_contains(r"application \S*app_main\.py ready in \d+ ms")
    pid = server.worker_pids()[0]
    assert server.log_contains(rf"\[{pid}\] \[info\] worker 1: application")


def test_log_level(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--log-level", "error", ready=False, bind=["192.0.2.1:0"])
    assert server.wait_exit() == 1
    assert {level for level, _, _ in messages(server)} <= {"error", "critical"}


def test_running_as_root_is_warned_of(start):
    server = start("ignore_body", "--pythonpath", BEHAVIOUR)
    assert server.log_contains(r"\[warning\].*root.*--user") == (os.geteuid() == 0)
