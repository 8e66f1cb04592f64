# SPDX-License-Identifier: MIT
"""Memory runs out for a moment: in the server's own C, where the client whose request it was is answered 503 or 500 or
sees the connection end; and in Python, where MemoryError is an exception like others. Nobody else notices."""

from __future__ import annotations

import pytest

from support.client import make_request
from support.faults import Faults
from support.kernel import has_arrived, has_unread
from support.server import BEHAVIOUR
from support.waiting import wait_until

HELLO = "/blocks/list-of-one"
BODY = b"b" * 200_000


@pytest.fixture
def starved(start, tmp_path, is_sanitized):
    """A server with the shim, its only worker's pid, and what is to fail."""
    if is_sanitized:
        pytest.skip("sanitizers have a malloc of their own; tests/faults has the same without Python")
    faults = Faults(tmp_path)
    options = ["--body-memory", "64k", "--response-memory", "64k"]
    server = start("router", "--pythonpath", BEHAVIOUR, *options, environment=faults.environment)
    for request in (HELLO, "/echo_body/raw", "/big_body?size=10"):
        server.request(request)
    return server, server.worker_pids()[0], faults


def try_request(server, data: bytes) -> int:
    """Sends a request in two pieces, so that something is to be kept; returns the status, 0 when there was none."""
    with server.connect() as connection:
        try:
            connection.send(data[:20])
            wait_until(lambda: has_arrived(connection) and not has_unread(connection), "the server to read or to close")
            connection.send(data[20:])
            answer = connection.read_to_end()
        except (BrokenPipeError, ConnectionResetError):
            return 0
    return int(answer[9:12]) if answer else 0


@pytest.mark.parametrize("count", [1, 1000])
@pytest.mark.parametrize("kind", ["small", "chunked", "large body", "large response"])
def test_every_allocation_of_a_request_fails(starved, kind, count):
    """One of them, or all from one on; and the next request is served as ever."""
    server, pid, faults = starved
    close = [("Connection", "close")]
    data = {
        "small": make_request(HELLO, headers=close),
        "chunked": make_request("/echo_body/raw", "POST", headers=[*close, ("Transfer-Encoding", "chunked")])
        + b"3\r\nabc\r\n0\r\n\r\n",
        "large body": make_request("/echo_body/raw", "POST", headers=close, body=BODY),
        "large response": make_request("/big_body?size=300000", headers=close),
    }[kind]
    statuses = []
    for n in range(60):
        faults.starve(pid, n, count)
        statuses.append(try_request(server, data))
        failed = faults.relieve()
        assert server.request(HELLO).body == b"one"
        if not failed:
            break
    assert statuses[-1] == 200 and len(statuses) > 1, statuses
    assert set(statuses) <= {0, 200, 500, 503}, statuses
    assert server.worker_pids() == [pid], "the worker lives"
    server.wait_for_log("out of memory|MemoryError|Cannot allocate")


def test_memory_error_in_the_application(behaviours):
    """Its traceback is in the log, and the connection goes on."""
    with behaviours.connect() as connection:
        mark = behaviours.log.mark()
        response = connection.request("/raises/first-next?kind=MemoryError")
        assert (response.status, response.says_close) == (500, False)
        behaviours.wait_for_log("^ {4}MemoryError: raised on purpose", after=mark)
        assert connection.request(HELLO).body == b"one"


def test_the_application_uses_more_than_there_is(start, tmp_path, is_sanitized):
    """With a limit on the worker's address space the allocation of the view fails, and nothing else does."""
    if is_sanitized:
        pytest.skip("sanitizers need more address space than any limit leaves")
    (tmp_path / "greedy.py").write_text(GREEDY)
    server = start("greedy", "--pythonpath", tmp_path)
    pid = server.worker_pids()[0]
    for _ in range(3):
        assert server.request("/much").status == 500
        assert server.request("/").body == b"fine"
    server.wait_for_log("^ {4}MemoryError")
    assert server.worker_pids() == [pid]


GREEDY = '''
import resource

def application(environ, start_response):
    if environ["PATH_INFO"] == "/much":
        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, before[1]))
        try:
            bytearray(1 << 31)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]
'''

STARVING = '''
import _testcapi

left = 0

def application(environ, start_response):
    global left
    left += 1
    _testcapi.set_nomemory(left, left + 1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Body()

class Body:
    def __iter__(self):
        return iter([b"fine"])

    def close(self):
        pass

def relieved(environ, start_response):
    _testcapi.remove_mem_hooks()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"relieved"]

def route(environ, start_response):
    _testcapi.remove_mem_hooks()
    return (relieved if environ["PATH_INFO"] == "/relieved" else application)(environ, start_response)
'''


def test_every_allocation_of_python_fails(start, tmp_path):
    """After the n-th of a request one fails, wherever it is: in environ, in start_response, in the body, or in the
    next request."""
    pytest.importorskip("_testcapi")
    (tmp_path / "starving.py").write_text(STARVING)
    server = start("starving:route", "--pythonpath", tmp_path)
    pid = server.worker_pids()[0]
    statuses = []
    for _ in range(150):
        statuses.append(try_request(server, make_request("/", headers=[("Connection", "close"), ("X-Some", "thing")])))
    for _ in range(3):
        try_request(server, make_request("/relieved", headers=[("Connection", "close")]))
    assert server.request("/relieved").body == b"relieved"
    assert set(statuses) <= {0, 200, 500} and 500 in statuses and 200 in statuses, statuses
    assert server.worker_pids() == [pid], "the worker lives"
