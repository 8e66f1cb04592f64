# SPDX-License-Identifier: MIT
"""The lines of a start and a stop, word by word: operators read them and tools search for them."""

from __future__ import annotations

import os
import re
import time

import pytest

from support.server import BEHAVIOUR, PYAPPS

DEFAULT_FIELDS = "X-Forwarded-For, X-Forwarded-Proto"

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


@pytest.mark.parametrize(
    "options, line",
    [
        (["--forwarded-allow-ips", "10.0.0.0/8,unix"], "unix sockets, 10.0.0.0/8; believed what " + DEFAULT_FIELDS),
        (["--forwarded-allow-ips", "*"], "whoever connects; believed what " + DEFAULT_FIELDS),
        (["--proxy-protocol"], "unix sockets, 127.0.0.1/32, ::1/128; believed what PROXY headers, " + DEFAULT_FIELDS),
        (
            ["--forwarded-headers", "for,host,forwarded", "--forwarded-allow-ips", "127.0.0.1"],
            "127.0.0.1/32; believed what X-Forwarded-For, X-Forwarded-Host, Forwarded",
        ),
        (
            ["--forwarded-allow-ips", ",".join(f"10.0.{number}.0/24" for number in range(10))],
            ", ".join(f"10.0.{number}.0/24" for number in range(8)) + ", 2 more; believed what " + DEFAULT_FIELDS,
        ),
    ],
    ids=["networks", "everybody", "proxy-protocol", "headers", "many"],
)
def test_who_is_trusted(start, options, line):
    server = start("ignore_body", "--pythonpath", BEHAVIOUR, *options)
    assert ("info", "master", f"trusted proxies: {line} say of the client") in messages(server)
    assert not server.log_contains(r"\[warning\].*--forwarded-allow-ips")


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--forwarded-allow-ips", "127.0.0.0/8,::1"],
        ["--forwarded-allow-ips", "none"],
        ["--forwarded-headers", "for"],
    ],
    ids=["default", "loopback", "nobody", "one-field"],
)
def test_the_usual_trust_is_not_worth_a_line(start, options):
    server = start("ignore_body", "--pythonpath", BEHAVIOUR, *options)
    assert not server.log_contains("trusted proxies")


@pytest.mark.parametrize(
    "peers, address, is_warned_of",
    [
        ("*", "0.0.0.0:0", True),
        ("0.0.0.0/0", "0.0.0.0:0", True),
        ("10.0.0.0/8,0.0.0.0/0", "0.0.0.0:0", True),
        ("::/0", "0.0.0.0:0", False),
        ("10.0.0.0/8", "0.0.0.0:0", False),
        ("*", "127.0.0.1:0", False),
        ("0.0.0.0/0", "127.0.0.1:0", False),
        ("*", "unix:socket", False),
    ],
)
def test_trust_in_everybody_is_warned_of(start, tmp_path, peers, address, is_warned_of):
    app = BEHAVIOUR / "ignore_body.py"
    server = start(app, "--forwarded-allow-ips", peers, bind=[address.replace("socket", f"{tmp_path}/s")])
    entry = re.escape(peers.split(",")[-1])
    pattern = rf"\[warning\] master: --forwarded-allow-ips {entry}: whoever reaches http://0\.0\.0\.0:\d+ can pass"
    assert server.log_contains(pattern) == is_warned_of
