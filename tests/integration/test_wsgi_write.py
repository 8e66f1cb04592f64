# SPDX-License-Identifier: MIT
"""The write() callable: point 21 of the PEP 3333 checklist, and what of 24 is about it."""

from __future__ import annotations

from support.client import make_request


def test_body_by_write_alone(behaviours):
    response = behaviours.request("/write_callable/only")
    assert (response.status, response.body, response.is_complete) == (200, b"first second", True)


def test_what_is_written_comes_before_what_is_returned(behaviours):
    assert behaviours.request("/write_callable/then-blocks").body == b"written returned twice"


def test_declared_length(behaviours):
    response = behaviours.request("/write_callable/length")
    assert (response.framing, response.body) == ("length", b"0123456789")


def test_writing_sends_at_once(behaviours, gate):
    """The client has the first part while the application still runs."""
    with behaviours.connect() as connection:
        connection.send(make_request(f"/write_callable/gated?gate={gate.path}"))
        assert connection.read_head().status == 200
        assert connection.read_chunk() == b"before "
        gate.open()
        assert connection.read_chunk() == b"after"
        assert connection.read_chunk() == b""


def test_bytes_alone_are_taken(behaviours, record):
    assert behaviours.request("/write_callable/types").body == b"good"
    assert record() == [["refused", {"kind": kind}] for kind in ("str", "bytearray", "memoryview", "NoneType", "int")]


def test_empty_writes_change_nothing(behaviours):
    response = behaviours.request("/write_callable/empty")
    assert (response.body, response.is_complete) == (b"body", True)


def test_point_24_writing_more_than_declared_raises(behaviours, record):
    """Nothing of it is sent; an application that goes on as if nothing were wrong has sent less than it declared."""
    with behaviours.connect() as connection:
        assert connection.request("/write_callable/too-much").status == 500
        assert connection.request("/blocks/list-of-one").body == b"one"
    assert [name for name, _ in record()] == ["raised"]


def test_http_1_0_and_head(behaviours):
    with behaviours.connect() as connection:
        response = connection.request("/write_callable/only", version="1.0")
        assert (response.framing, response.body) == ("close", b"first second")
    with behaviours.connect() as connection:
        assert connection.request("/write_callable/only", "HEAD").status == 200
        assert connection.request("/blocks/list-of-one").body == b"one"


def test_a_kept_write_is_of_no_use_later(behaviours):
    with behaviours.connect() as connection:
        connection.request("/keeper/keep")
        response = connection.request("/keeper/write")
        assert response.json()[0] == "raised"
        assert b"late bytes" not in response.body
        assert connection.request("/blocks/list-of-one").body == b"one"
