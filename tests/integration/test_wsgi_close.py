# SPDX-License-Identifier: MIT
"""close() of the returned iterable is called exactly once, whatever happens: point 28 of the PEP 3333 checklist."""

from __future__ import annotations

import pytest

from support.client import make_request

CLOSED = ["closed", {}]


@pytest.mark.parametrize(
    "path, body",
    [
        ("list-like", b"listed"),
        ("generator", b"one two"),
        ("separate-iterator", b"one two"),
        ("empty", b""),
    ],
)
def test_at_the_normal_end(behaviours, record, path, body):
    assert behaviours.request(f"/close/{path}").body == body
    assert record() == [CLOSED]


@pytest.mark.parametrize("path", ["list-like", "generator", "separate-iterator"])
def test_after_head(behaviours, record, path):
    assert behaviours.request(f"/close/{path}", "HEAD").status == 200
    assert record() == [CLOSED]


def test_when_the_declared_length_is_reached(behaviours, record):
    assert behaviours.request("/close/declared").body == b"1234"
    assert record() == [CLOSED]


def test_of_a_response_without_a_body(behaviours, record):
    assert behaviours.request("/close/not-modified").status == 304
    assert record() == [CLOSED]


@pytest.mark.parametrize("path", ["iter", "first-next", "mid", "length"])
def test_after_an_exception_of_the_iterable(behaviours, record, path):
    behaviours.request(f"/raises/{path}")
    assert record() == [CLOSED]


def test_close_that_raises(behaviours, record):
    """The response was complete: the client notices nothing, the log tells."""
    mark = behaviours.log.mark()
    with behaviours.connect() as connection:
        response = connection.request("/raises/close")
        assert (response.status, response.body) == (200, b"block " * 4)
    assert record() == [CLOSED]
    behaviours.wait_for_log("RuntimeError: raised on purpose", after=mark)


@pytest.mark.parametrize("path, body", [("lingering", b"1234"), ("lingering-empty", b"")])
def test_the_response_does_not_wait_for_it(behaviours, record, gate, path, body):
    assert behaviours.request(f"/close/{path}?gate={gate.path}").body == body
    gate.open()
    assert record() == [CLOSED]


def test_when_the_client_has_gone(behaviours, record, gate):
    connection = behaviours.connect()
    connection.send(make_request(f"/close/many?blocks=2000&size=65536&gate={gate.path}"))
    assert connection.read_head().status == 200
    gate.wait_reached()
    connection.reset()
    gate.open()
    assert record() == [CLOSED]


def test_when_the_client_had_gone_before(behaviours, record, gate):
    """The connection is reset while the request waits for the application to begin its body."""
    connection = behaviours.connect()
    connection.send(make_request(f"/close/many?blocks=3&size=1000&gate={gate.path}"))
    gate.wait_reached()
    connection.reset()
    gate.open()
    assert record() == [CLOSED]
