# SPDX-License-Identifier: MIT
"""What the application prints: line by line, whole, never lost, never mixed with that of other workers."""

from __future__ import annotations

import collections
import re
import signal

import pytest

from support.client import make_request
from support.server import BEHAVIOUR


@pytest.fixture
def server(start):
    return start("printer", "--pythonpath", BEHAVIOUR)


def test_a_line_appears_at_once(server):
    """Standard output is a pipe here, which Python alone would buffer until the process ends."""
    server.request("/lines?tag=now")
    server.out.wait_for(r"^line now 0 .* end$")


def test_standard_error(server):
    server.request("/error?tag=now")
    server.wait_for_log(r"^to stderr now$")


def test_each_stream_goes_its_own_way(server):
    server.request("/both")
    server.out.wait_for("^both out$")
    server.wait_for_log("^both err$")
    assert not server.out.find("both err") and not server.log_contains("both out")


def test_writing_below_the_text_layer(server):
    server.request("/bytes")
    server.out.wait_for("^raw out$")
    server.wait_for_log("^raw err$")


def test_characters_that_no_encoding_likes(server):
    assert server.request("/odd").status == 200
    line = server.out.wait_for("^odd .* end$")[0].string
    assert "\u00e9\u20ac" in line and "\\udcff" in line


def test_an_unfinished_line_is_written_at_the_end(server):
    server.request("/partial?tag=last")
    assert server.stop() == 0
    assert server.out.lines[-1] == "partial last"


def test_an_unfinished_line_waits_for_its_rest(server):
    server.request("/partial?tag=first")
    server.request("/lines?tag=second")
    server.out.wait_for(r"^partial firstline second 0 .* end$")


def test_nothing_is_lost_at_the_end(server):
    server.request("/lines?count=5000&tag=many")
    assert server.stop() == 0
    assert len(server.out.find_all(r"^line many \d+ .* end$")) == 5000


def test_lines_of_a_worker_that_is_killed_are_there(server):
    server.request("/lines?count=10&tag=kept")
    server.kill_worker()
    server.wait_for_log("was killed by signal 9")
    assert len(server.out.wait_for(r"^line kept \d+ .* end$", count=10)) == 10


def test_standard_input_is_empty(server):
    assert server.request("/stdin").body == b"''"


def test_sigpipe_is_harmless(server):
    """A reader of the log, or a client, that has gone must not end a worker."""
    pid = server.kill_worker(number=signal.SIGPIPE)
    assert server.request("/lines").status == 200
    assert server.worker_pids() == [pid] and not server.log_contains("SIGPIPE")


@pytest.mark.parametrize("size", [50, 6000], ids=["short", "longer than a pipe takes at once"])
def test_lines_of_several_workers_never_mix(start, size):
    """Four workers print at the same time into one pipe."""
    workers, count = 4, 150
    server = start("printer", "--pythonpath", BEHAVIOUR, workers=workers)
    connections = [server.connect() for _ in range(workers * 2)]
    for number, connection in enumerate(connections):
        connection.send(make_request(f"/lines?count={count}&size={size}&tag={'abcdefgh'[number]}"))
    for connection in connections:
        assert connection.read_response().status == 200
    server.out.wait_for(r"^line ", count=count * len(connections))
    seen = collections.Counter()
    for line in server.out.lines:
        match = re.fullmatch(r"line (?P<tag>[a-h]) (?P<number>\d+) (?P<text>[a-h]+) end", line)
        assert match and match["text"] == match["tag"] * size, f"a mixed line: {line[:200]}"
        seen[match["tag"]] += 1
    assert seen == {tag: count for tag in "abcdefgh"}


def test_lines_and_messages_never_mix(start):
    """Standard error carries the server's own lines too."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--access-logfile", "/dev/stderr", workers=2)
    connections = [server.connect() for _ in range(4)]
    for connection in connections:
        for _ in range(25):
            connection.send(make_request("/printer/error?tag=" + "e" * 3000))
    for connection in connections:
        for _ in range(25):
            assert connection.read_response().status == 200
    server.log.wait_for(r"^to stderr e{3000}$", count=100)
    for line in server.log.lines:
        assert re.fullmatch(r"to stderr e{3000}|\[.*|127\.0\.0\.1 - - \[.*", line), f"a mixed line: {line[:200]}"
