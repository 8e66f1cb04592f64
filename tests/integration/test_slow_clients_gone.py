# SPDX-License-Identifier: MIT
"""A client that goes while the application runs for it: no noise, 499 in the access log, close() is called."""

from __future__ import annotations

import pytest

from support import kernel
from support.client import make_request
from support.server import BEHAVIOUR

CLOSED = ["closed", {}]
NOISE = r"Traceback|BrokenPipe|ConnectionReset|Exception|\[error\]|\[warning\]"


@pytest.fixture(scope="module")
def behaviours(start_module):
    """As the fixture of the same name, with an access log."""
    return start_module("router", "--pythonpath", BEHAVIOUR, "--access-logfile", "-")


@pytest.fixture
def quiet(behaviours):
    """Checks that the log has no line of trouble since the test began."""
    mark = behaviours.log.mark()
    yield
    noisy = behaviours.log.find(NOISE, after=mark)
    assert not noisy, noisy.string


@pytest.mark.parametrize("how", ["close", "reset"])
def test_before_the_response(behaviours, record, gate, quiet, how):
    """An orderly end may be that of a client which only sends no more: it is answered, and whether anybody took the
    answer cannot be known."""
    mark = behaviours.out.mark()
    connection = behaviours.connect()
    connection.send(make_request(f"/disconnect/?gate={gate.path}"))
    gate.wait_reached()
    kernel.end(connection, how)
    gate.open()
    assert record() == [["disconnected", {"value": True}]]
    status = "499" if how == "reset" else "(499|200)"
    behaviours.out.wait_for(rf'"GET /disconnect/\S* HTTP/1\.1" {status} ', after=mark)


def test_a_client_that_stays(behaviours, record, gate, quiet):
    mark = behaviours.out.mark()
    with behaviours.connect() as connection:
        connection.send(make_request(f"/disconnect/?gate={gate.path}"))
        gate.open()
        assert connection.read_response().body == b"here"
    assert record() == [["disconnected", {"value": False}]]
    behaviours.out.wait_for(r'"GET /disconnect/\S* HTTP/1\.1" 200 ', after=mark)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("size", [10, 65536], ids=["small blocks", "large blocks"])
def test_in_the_middle_of_a_stream(behaviours, record, gate, quiet, how, size):
    """The application is not asked for two thousand blocks that nobody takes, and hears of it by close() alone."""
    mark = behaviours.out.mark()
    connection = behaviours.connect()
    connection.send(make_request(f"/close/many?blocks=2000&size={size}&gate={gate.path}"))
    assert connection.read_head().status == 200
    gate.wait_reached()
    kernel.end(connection, how)
    gate.open()
    assert record() == [CLOSED]
    line = behaviours.out.wait_for(r'"GET /close/many\S* HTTP/1\.1" (\d+) (\d+|-)', after=mark)[0]
    assert line.group(1) == "499"
    if line.group(2) != "-":
        assert int(line.group(2)) < 2000 * size


def test_of_a_large_response(behaviours, quiet):
    """Gone when the application had long finished, while the loop was sending the rest."""
    mark = behaviours.out.mark()
    connection = behaviours.connect()
    connection.send(make_request("/big_body/list?size=50000000"))
    assert connection.read_head().status == 200
    behaviours.out.wait_for(r'"GET /big_body/\S* HTTP/1\.1" ', after=mark)
    connection.reset()
    assert behaviours.request("/blocks/list-of-one").body == b"one"


def test_in_the_middle_of_its_body(behaviours, quiet):
    """The application is never called: its request was not complete."""
    mark = behaviours.out.mark()
    connection = behaviours.connect()
    connection.send(make_request("/echo_body/raw", "POST", body=b"hello")[:-2])
    assert behaviours.request("/blocks/list-of-one").body == b"one"
    connection.close()
    assert behaviours.request("/blocks/list-of-one").body == b"one"
    assert not behaviours.out.find(r'POST /echo_body/raw HTTP/1\.1" 200', after=mark)
