# SPDX-License-Identifier: MIT
"""What the log says of a worker that dies: every request it was running, for how long, what it was doing, and the Python
stacks where there was time to take them."""

from __future__ import annotations

import signal

import pytest

from support.client import make_request
from support.server import BEHAVIOUR

STACKS_SIGNAL = signal.SIGRTMIN + 7
OWN = r"^    +File .*stuck\.py\", line \d+ in "


@pytest.fixture
def start_stuck(start):
    def start_one(*options, **keywords):
        server = start("stuck", "--pythonpath", BEHAVIOUR, *options, **keywords)
        server.descriptors_at_start = {}  # a stuck request keeps its connection
        return server

    return start_one


def begin(server, target: str) -> None:
    """A request that stays where it is."""
    server.connect().send(make_request(target))
    server.out.wait_for(f"^{target.strip('/')}: entered")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_one_request(start_stuck, number):
    server = start_stuck(environment={"ASAN_OPTIONS": "handle_segv=0:handle_abort=0:use_sigaltstack=0"})
    begin(server, "/sleep")
    pid = server.kill_worker(number=number)
    server.log.wait_for(
        rf"\[error\] master: worker 1 \(pid: {pid}\) was killed by signal {number:d} \({number.name}\), age \d+\.\d s, "
        r'while running "GET /sleep" of 127\.0\.0\.1:\d+ for \d+\.\d s, in the application$'
    )
    server.log.wait_for("application stuck ready", count=2)


def test_each_of_several(start_stuck):
    server = start_stuck("--threads", "3")
    begin(server, "/sleep")
    begin(server, "/wait")
    pid = server.kill_worker()
    server.log.wait_for(rf"worker 1 \(pid: {pid}\) was killed by signal 9 \(SIGKILL\), .* while running 2 requests$")
    for target in ("/sleep", "/wait"):
        server.log.wait_for(
            rf'worker 1 \(pid: {pid}\) was running "GET {target}" of 127\.0\.0\.1:\d+ for \d+\.\d s, in the application$'
        )
    server.log.wait_for("application stuck ready", count=2)


def test_a_request_that_sends(start_stuck):
    """To a client that takes nothing, more than is kept for it."""
    server = start_stuck("--response-memory", "0", "--response-file", "0")
    connection = server.connect()
    connection.send(make_request("/flood"))
    connection.read_head()
    assert len(connection.read_chunk()) == 65536
    assert connection.read_bytes(1), "the beginning of the second block, which is never taken whole"
    mark = server.log.mark()
    server.kill_worker(number=STACKS_SIGNAL)
    server.log.wait_for("^    +<no Python", after=mark)  # it waits for the client, in C
    pid = server.kill_worker()
    server.log.wait_for(
        rf'worker 1 \(pid: {pid}\) was killed .* while running "GET /flood" .*, sending its response, '
        "65536 bytes into the body of its response$"
    )


def test_a_request_that_has_sent_something(start_stuck):
    """And the next one of the same connection, which has not."""
    server = start_stuck()
    with server.connect() as connection:
        assert connection.request("/stream?seconds=0").body == b"first\nlast\n"
        begin(server, "/sleep")
        server.kill_worker()
    server.log.wait_for(r'was killed .* while running "GET /sleep" .*, in the application$')
    server.log.wait_for("application stuck ready", count=2)
    with server.connect() as connection:
        connection.send(make_request("/stream"))
        connection.read_until(b"first\n")
        # Stacks are taken behind the write: the rest of it needs the GIL.
        server.kill_worker(number=STACKS_SIGNAL)
        server.log.wait_for(OWN + "sleep$")
        server.kill_worker()
    server.log.wait_for(
        r'was killed .* while running "GET /stream" .*, in the application, 6 bytes into the body of its response$'
    )


def test_the_stacks_of_a_request_whose_time_was_over(start_stuck):
    server = start_stuck("--request-timeout", "1s", "--request-timeout-grace", "1h")
    begin(server, "/swallow_on")
    server.out.wait_for("^swallow: caught")
    mark = server.log.mark()
    pid = server.kill_worker()
    server.log.wait_for(
        rf"master: worker 1 \(pid: {pid}\): the last stacks of its Python threads, taken \d+\.\d s ago:$", after=mark
    )
    server.log.wait_for(OWN + "swallow", after=mark)


def test_no_stacks_of_requests_that_are_over(start_stuck):
    server = start_stuck("--request-timeout", "1s")
    assert server.request("/sleep").status == 504
    server.log.wait_for("has ended the request")
    mark = server.log.mark()
    begin(server, "/die")  # at once: later there would be stacks of this one
    server.log.wait_for('was killed by signal 9 .* while running "GET /die"', after=mark)
    server.log.wait_for("application stuck ready", count=2)
    assert server.log.find("the last stacks", mark) is None


def test_the_stacks_of_a_worker_that_does_not_stop(start_stuck):
    """--graceful-timeout is over: it shows them before it is killed."""
    server = start_stuck("--graceful-timeout", "200ms")
    begin(server, "/add")
    mark = server.log.mark()
    assert server.stop() == 0
    lines = server.log.lines[mark:]
    shown = next(number for number, line in enumerate(lines) if "the stacks of this worker's Python threads:" in line)
    killed = next(number for number, line in enumerate(lines) if "has not ended within 0.2 s (--graceful-timeout)" in line)
    assert shown < killed
    assert server.log.find(OWN + "add", mark)
