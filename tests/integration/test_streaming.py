# SPDX-License-Identifier: MIT
"""Blocks leave when they are yielded. That each arrives before the next is asked for: test_wsgi_body.py, point 23."""

from __future__ import annotations

import pytest

from support.client import make_request
from support.waiting import Gate


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("length", ["no", "yes"])
def test_each_block_arrives_before_the_next_may_be_made(behaviours, gate, length, version):
    """Ten in a row, in every framing: no timer, no acknowledgement of the client is waited for."""
    with behaviours.connect() as connection:
        target = f"/stream/?blocks=10&size=3&length={length}&gate={gate.path}"
        connection.send(make_request(target, version=version))
        head = connection.read_head()
        is_chunked = head.header("Transfer-Encoding") == "chunked"
        assert is_chunked == (length == "no" and version == "1.1")
        for number in range(10):
            if number > 0:
                gate.open()
            expected = bytes([ord("a") + number]) * 3
            assert (connection.read_chunk() if is_chunked else connection.read_bytes(3)) == expected
        if is_chunked:
            assert connection.read_chunk() == b""


@pytest.mark.parametrize("target", ["/stream/?blocks=5000&size=10", "/ledger/?blocks=5000&size=10"])
def test_thousands_of_small_blocks(behaviours, target):
    with behaviours.connect() as connection:
        response = connection.request(target)
        assert response.is_complete and response.framing == "chunked"
        assert response.body == b"".join(bytes([ord("a") + i % 26]) * 10 for i in range(5000))
        assert connection.request("/blocks/list-of-one").body == b"one"


def test_a_reader_that_comes_late(behaviours):
    """The blocks are there, in order and each once, though they had to be kept until the client came to read."""
    count, size = 3000, 4000
    with behaviours.connect() as connection:
        connection.send(make_request(f"/stream/?blocks={count}&size={size}"))
        for _ in range(20):
            assert behaviours.request("/blocks/list-of-one").body == b"one"
        response = connection.read_response()
        assert response.is_complete
        assert response.body == b"".join(bytes([ord("a") + i % 26]) * size for i in range(count))


def test_streams_side_by_side(start_crew, tmp_path):
    """As many as there are threads, block by block in turns; nobody's blocks wait for another's gate."""
    crew = start_crew("--threads", "2")
    gates = [Gate(tmp_path, f"gate{i}") for i in range(4)]
    connections = [crew.server.connect() for _ in gates]
    for gate, connection in zip(gates, connections):
        connection.send(make_request(f"/stream/?blocks=4&size=5&gate={gate.path}"))
    for connection in connections:
        assert connection.read_head().status == 200
        assert connection.read_chunk() == b"aaaaa"
    for block in (b"bbbbb", b"ccccc", b"ddddd"):
        for gate, connection in reversed(list(zip(gates, connections))):
            gate.open()
            assert connection.read_chunk() == block
    for connection in connections:
        assert connection.read_chunk() == b""
