# SPDX-License-Identifier: MIT
"""Chunked coding both ways (RFC 9112 7.1)."""

from __future__ import annotations

import os

import pytest

from support.client import make_chunked, make_request

CHUNKED = [("Transfer-Encoding", "chunked")]


def send_chunked(connection, target, blocks):
    connection.send(make_request(target, "POST", headers=CHUNKED) + make_chunked(blocks))
    return connection.read_response()


@pytest.mark.parametrize(
    "sizes",
    [[], [1], [1] * 500, [65536, 1, 70000], [1 << 20, 1 << 20, 5]],
    ids=["none", "one", "many", "mixed", "to-disk"],
)
def test_request(behaviours, sizes):
    blocks = [os.urandom(size) for size in sizes]
    with behaviours.connect() as connection:
        assert send_chunked(connection, "/echo_body/raw", blocks).body == b"".join(blocks)
        assert connection.request("/blocks/list-of-one").body == b"one"


def test_request_chunk_by_chunk(behaviours):
    """Each chunk in packets of its own; the application is called when all are there."""
    with behaviours.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", headers=CHUNKED))
        for _ in range(20):
            connection.send(b"5\r\nhello\r\n")
        connection.send(b"0\r\n\r\n")
        assert connection.read_response().body == b"hello" * 20


def test_environ_of_a_chunked_request(behaviours):
    with behaviours.connect() as connection:
        environ = send_chunked(connection, "/echo_environ/", [b"hello"]).json()["environ"]
    assert environ["wsgi.input_terminated"] == ["bool", True]
    assert environ["CONTENT_LENGTH"] == ["str", "5"]
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_response_of_a_generator(behaviours):
    with behaviours.connect() as connection:
        response = connection.request("/blocks/generator")
        assert response.framing == "chunked"
        assert response.header("Transfer-Encoding") == "chunked"
        assert response.header("Content-Length") is None
        assert response.chunks == [b"one ", b"two ", b"three"]
        assert connection.request("/blocks/list-of-one").body == b"one"


def test_empty_blocks_are_no_chunks(behaviours):
    """An empty chunk would be the end of the body (PEP 3333 checklist, point 22)."""
    with behaviours.connect() as connection:
        response = connection.request("/blocks/empty-blocks")
        assert (response.chunks, response.is_complete) == ([b"one ", b"two"], True)
        assert connection.request("/blocks/only-empty-blocks").body == b""
        assert connection.request("/blocks/empty-in-list").body == b"one two"


def test_response_with_large_chunks(behaviours):
    size = 3 * 65536 + 17
    with behaviours.connect() as connection:
        response = connection.request(f"/big_body/generator?size={size}")
        assert response.framing == "chunked"
        assert response.body == (bytes(range(256)) * 1024)[:size]
