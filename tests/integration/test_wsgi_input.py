# SPDX-License-Identifier: MIT
"""wsgi.input: points 10 to 13 of the PEP 3333 checklist, with bodies in memory and bodies on disk."""

from __future__ import annotations

import random

import pytest

from support.client import make_chunked, make_request
from support.server import BEHAVIOUR

TEXT = b"first\nsecond\n\nfourth without end"


@pytest.fixture(scope="module", params=["1m", "0"], ids=["in memory", "on disk"])
def server(start_module, request):
    """0 bytes of memory: every body goes through a temporary file."""
    return start_module("router", "--pythonpath", BEHAVIOUR, "--body-memory", request.param)


def call(server, calls: str, body: bytes = TEXT, **options):
    return server.request(f"/echo_body/?calls={calls}", "POST", body=body, **options).json()


def data(text) -> list:
    return ["bytes", text.decode("latin-1")]


@pytest.mark.parametrize(
    "calls, results",
    [
        ("read", [TEXT]),
        ("read:-1", [TEXT]),
        ("read:None", [TEXT]),
        ("read:0", [b""]),
        ("read:0,read:5,read", [b"", TEXT[:5], TEXT[5:]]),
        ("read:3,read:-1,read", [TEXT[:3], TEXT[3:], b""]),
        ("read:1000", [TEXT]),
        ("read,read,read:1,readline", [TEXT, b"", b"", b""]),
    ],
    ids=str,
)
def test_point_10_read(server, calls, results):
    assert call(server, calls) == [data(result) for result in results]


@pytest.mark.parametrize(
    "calls, results",
    [
        ("readline,readline,readline,readline,readline", [b"first\n", b"second\n", b"\n", b"fourth without end", b""]),
        ("readline:3,readline:3,readline", [b"fir", b"st\n", b"second\n"]),
        ("readline:0,readline:-1", [b"", b"first\n"]),
        ("readline:1000", [b"first\n"]),
        ("readline:None", [b"first\n"]),
        ("read:2,readline,read:3,readline,read", [b"fi", b"rst\n", b"sec", b"ond\n", b"\nfourth without end"]),
        ("next,read:1,readline", [b"first\n", b"s", b"econd\n"]),
    ],
    ids=str,
)
def test_point_11_readline(server, calls, results):
    assert call(server, calls) == [data(result) for result in results]


def test_point_11_lists_of_lines(server):
    lines = [data(line) for line in TEXT.splitlines(keepends=True)]
    assert call(server, "readlines,readlines") == [lines, []]
    assert call(server, "iterate,iterate") == [lines, []]
    assert call(server, "readlines:0") == [lines]
    assert call(server, "readlines:7") == [lines[:2]]
    assert call(server, "readline,iterate") == [lines[0], lines[1:]]


def test_no_body(server):
    for options in ({}, {"method": "POST", "headers": [("Content-Length", "0")]}):
        result = server.request("/echo_body/?calls=read,read:5,readline,readlines,iterate", **options).json()
        assert result == [data(b""), data(b""), data(b""), [], []]


def test_wrong_arguments_raise(server):
    assert call(server, "read:0,readline") == [data(b""), data(b"first\n")]
    first, second = server.request("/echo_body/?calls=nothing,read", "POST", body=b"x").json()
    assert (first, second) == (["raised", "AttributeError"], data(b"x"))


def test_point_12_chunked_body(server):
    with server.connect() as connection:
        connection.send(
            make_request("/echo_body/?calls=readline,read:4,read", "POST", headers=[("Transfer-Encoding", "chunked")])
            + make_chunked([TEXT[:3], TEXT[3:9], TEXT[9:]])
        )
        assert connection.read_response().json() == [data(b"first\n"), data(b"seco"), data(b"nd\n\nfourth without end")]


@pytest.mark.parametrize("size", [1, 65535, 65536, 65537, 1 << 20, (1 << 20) + 1, 5_000_000])
def test_bodies_of_all_sizes_arrive_unchanged(server, size):
    body = random.Random(size).randbytes(size)
    assert server.request("/echo_body/raw", "POST", body=body).body == body


def test_reading_a_large_body_in_pieces(server):
    line = b"0123456789" * 100 + b"\n"
    result = call(server, "readline,read:500000,readline,readlines", line * 2000)
    assert result[0] == data(line)
    rest = (line * 1999)[500000:]
    end = rest.index(b"\n") + 1
    assert result[2] == data(rest[:end])
    assert "".join(text for _, text in result[3]).encode("latin-1") == rest[end:]


def test_point_13_a_client_that_goes_in_the_middle_of_its_body(server):
    """The application is called with a whole body or not at all: it never takes a piece for the whole."""
    server.request("/record/")
    for part in (
        make_request("/write_callable/types", "POST", body=b"x" * 5000)[:-1],
        make_request("/write_callable/types", "POST", headers=[("Transfer-Encoding", "chunked")]) + b"5\r\nhel",
    ):
        with server.connect() as connection:
            connection.send(part)
            connection.shut_down_sending()
            connection.read_to_end()  # the server has seen the end
    assert server.request("/record/").json() == []


def test_the_stream_of_a_request_that_is_over(server):
    """Kept and used later it gives nothing of another request, and does not crash."""
    with server.connect() as connection:
        connection.request("/keeper/keep", "POST", body=b"old body")
        results = connection.request("/keeper/input", "POST", body=b"new secret").json()
    assert all(kind == "raised" or "secret" not in text for kind, text in results), results
