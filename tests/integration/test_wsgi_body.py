# SPDX-License-Identifier: MIT
"""The returned iterable: points 22 to 27 and 30 of the PEP 3333 checklist."""

from __future__ import annotations

import pytest

from support.client import make_request


def test_point_22_empty_blocks_do_not_send_the_head(behaviours):
    """An application may still replace its head after yielding b"" (test_wsgi_start_response.py: after-empty)."""
    response = behaviours.request("/blocks/empty-blocks")
    assert (response.body, response.is_complete) == (b"one two", True)
    response = behaviours.request("/blocks/only-empty-blocks")
    assert (response.status, response.body, response.is_complete) == (200, b"", True)


def test_point_23_each_block_is_sent_before_the_next_is_asked_for(behaviours, gate):
    with behaviours.connect() as connection:
        connection.send(make_request(f"/stream/?blocks=3&size=4&gate={gate.path}"))
        assert connection.read_head().status == 200
        assert connection.read_chunk() == b"aaaa"
        gate.open()
        assert connection.read_chunk() == b"bbbb"
        gate.open()
        assert connection.read_chunk() == b"cccc"
        assert connection.read_chunk() == b""


def test_point_23_with_a_declared_length(behaviours, gate):
    with behaviours.connect() as connection:
        connection.send(make_request(f"/stream/?blocks=2&size=4&length=yes&gate={gate.path}"))
        assert connection.read_head().header("Content-Length") == "8"
        assert connection.read_bytes(4) == b"aaaa"
        gate.open()
        assert connection.read_bytes(4) == b"bbbb"


@pytest.mark.parametrize("path", ["str", "bytearray", "memoryview", "int", "none-item", "none", "number", "str-result"])
def test_point_23_bytes_alone_are_taken(behaviours, path):
    mark = behaviours.log.mark()
    with behaviours.connect() as connection:
        response = connection.request(f"/blocks/{path}")
        assert response.status == 500
        assert connection.request("/blocks/list-of-one").body == b"one"
    behaviours.wait_for_log("TypeError", after=mark)


def test_point_23_a_wrong_block_after_good_ones(behaviours):
    mark = behaviours.log.mark()
    with behaviours.connect() as connection:
        response = connection.request("/blocks/str-later")
        assert (response.status, response.chunks, response.is_complete) == (200, [b"first "], False)
        assert connection.is_closed_by_server()
    behaviours.wait_for_log("TypeError", after=mark)


@pytest.mark.parametrize("path", ["list", "generator", "write"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_point_24_never_more_than_declared(behaviours, path, method):
    """Exactly the declared bytes are sent: what would follow could be taken for another response."""
    with behaviours.connect() as connection:
        connection.send(make_request(f"/lengths/{path}?declared=5&sent=9", method))
        response = connection.read_response(method)
        assert (response.status, response.header("Content-Length")) == (200, "5")
        assert response.body == (b"x" * 5 if method == "GET" else b"")
        assert not response.says_close
        assert connection.request("/blocks/list-of-one").body == b"one"


def test_point_24_stops_asking_when_the_length_is_reached(behaviours, record):
    assert behaviours.request("/lengths/generator?declared=3&sent=1000").body == b"xxx"
    asked = [details["block"] for name, details in record() if name == "asked"]
    assert asked in ([0, 1, 2], [0, 1, 2, 3])


@pytest.mark.parametrize("path", ["generator", "write"])
def test_point_24_less_than_declared_closes_the_connection(behaviours, path):
    mark = behaviours.log.mark()
    with behaviours.connect() as connection:
        response = connection.request(f"/lengths/{path}?declared=10&sent=4")
        assert (response.header("Content-Length"), response.body, response.is_complete) == ("10", b"xxxx", False)
        assert connection.is_closed_by_server()
    behaviours.wait_for_log(r"\[(warning|error)\].*Content-Length", after=mark)


def test_point_24_less_than_declared_seen_before_anything_is_sent(behaviours):
    """A list is known whole: the client gets a proper 500 instead of a response that never ends."""
    mark = behaviours.log.mark()
    with behaviours.connect() as connection:
        assert connection.request("/lengths/list?declared=10&sent=4").status == 500
        assert connection.request("/blocks/list-of-one").body == b"one"
    behaviours.wait_for_log(r"\[error\].*Content-Length 10", after=mark)


@pytest.mark.parametrize("path", ["list", "generator", "write"])
def test_point_24_exactly_as_declared(behaviours, path):
    with behaviours.connect() as connection:
        response = connection.request(f"/lengths/{path}?declared=7&sent=7")
        assert (response.framing, response.body) == ("length", b"x" * 7)
        assert connection.request("/blocks/list-of-one").body == b"one"


@pytest.mark.parametrize(
    "path, length, body",
    [
        ("list-of-one", "3", b"one"),
        ("list-of-three", "13", b"one two three"),
        ("tuple", "7", b"one two"),
        ("sized-one", "3", b"one"),
        ("empty-list", "0", b""),
        ("list-of-empty", "0", b""),
        ("empty-in-list", "7", b"one two"),
        ("generator", None, b"one two three"),
        ("sized-three", None, b"one two three"),
        ("list-subclass", None, b"from __iter__"),
    ],
)
def test_point_25_length(behaviours, path, length, body):
    response = behaviours.request(f"/blocks/{path}")
    assert (response.body, response.is_complete) == (body, True)
    assert response.header("Content-Length") == length
    assert (response.framing == "chunked") == (length is None)


def test_point_25_an_empty_generator(behaviours):
    response = behaviours.request("/blocks/empty-generator")
    assert (response.status, response.body, response.is_complete) == (200, b"", True)


def test_point_30_only_the_protocol_of_iterables_is_used(behaviours, record):
    assert behaviours.request("/attributes/").body == b"one two"
    touched = {details["name"] for name, details in record() if name == "touched"}
    assert touched <= {"__iter__", "__next__", "__len__", "close"}


def test_point_30_bytes_as_the_result(behaviours):
    """bytes is an iterable of int, so strictly this is a mistake; like other servers clutch sends it as one block."""
    response = behaviours.request("/blocks/bytes")
    assert (response.status, response.header("Content-Length"), response.body) == (200, "12", b"whole result")


def test_point_30_subclasses_of_bytes(behaviours):
    assert behaviours.request("/blocks/bytes-subclass").body == b"sub"
