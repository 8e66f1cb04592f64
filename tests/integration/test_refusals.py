# SPDX-License-Identifier: MIT
"""What is told of refused requests: the offending bytes, so many lines a second at most, and how many there were of each reason."""

from __future__ import annotations

import re

from support.client import make_request
from support.kernel import send_at_once
from support.server import BEHAVIOUR
from support.waiting import wait_until

LINES_A_SECOND = 20  # of each worker: H1_LOG_LIMIT_LINES
NO_HOST = b"GET /no-host HTTP/1.1\r\n\r\n"
LINE = r"refused 400 \(no Host field\) of .*"
MORE = r"refused (?P<count>\d+) more requests"


def refuse_one(server, data: bytes = NO_HOST, status: int = 400) -> None:
    with server.connect() as connection:
        connection.send(data)
        assert connection.read_response().status == status


def count_left_out(server) -> int:
    return sum(int(match["count"]) for match in server.log.find_all(MORE))


def flood(server, count: int) -> int:
    """Has the only worker find so many to refuse at once, however slowly they come; returns of how many the log has a
    line of their own, once it has told of all of them."""
    connections = [server.connect() for _ in range(count)]
    send_at_once(server.worker_pids()[0], connections, [NO_HOST] * count)
    for connection in connections:
        assert connection.read_response().status == 400
        connection.close()
    wait_until(lambda: len(server.log.find_all(LINE)) + count_left_out(server) == count, "lines about all refusals")
    return len(server.log.find_all(LINE))


def test_offending_bytes_are_shown_escaped(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR)
    refuse_one(server, b"GET /x HTTP/1.1\r\nHost: a\r\nX-Evil: one\x1b[31m\xff\r\n\r\n")
    server.wait_for_log(r'refused 400 \([^)]+\) of [^"]*"GET /x HTTP/1\.1", at "X-Evil: one\\x1b\[31m\\xff')
    refuse_one(server, b'GET / HTTP/1.1\r\nHost: a"b\\\r\n\r\n')
    server.wait_for_log(r'at "Host: a\\x22b\\x5c"')


def test_what_is_shown_is_bounded(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR)
    refuse_one(server, make_request("/" + 1000 * "x", headers=[("Host", 3000 * "a")]))
    line = server.wait_for_log(r"refused 400 .*")
    assert len(line[0]) < 600 and line[0].count("...") == 2, line[0]


def test_a_flood_of_refusals_does_not_flood_the_log(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR)
    count = 5 * LINES_A_SECOND
    assert flood(server, count) < count


def test_without_the_limit_the_log_is_flooded(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--debug-without", "log-limit")
    count = 5 * LINES_A_SECOND
    assert flood(server, count) == count


def test_reasons_are_counted_over_all_workers_and_their_deaths(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR, workers=2)
    for _ in range(3):
        refuse_one(server)
    for index in (0, 1):
        server.kill_worker(index)
    server.log.wait_for(r"ready", count=4)
    refuse_one(server, b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501)
    server.stop()
    server.wait_for_log(r"\[info\] master: 4 requests refused: 3 host_missing, 1 method_unknown$")


def test_nothing_refused_is_nothing_told(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR)
    assert server.request("/").status == 200
    server.stop()
    assert not re.search("refused", server.log.text)
