# SPDX-License-Identifier: MIT
"""Nothing of a request stays behind: many of each kind, and the interpreter holds no more than before."""

from __future__ import annotations

import pytest

from support.client import make_chunked, make_request
from support.server import BEHAVIOUR

COUNT, BATCH = 500, 50

KINDS = {
    "list": make_request("/blocks/list-of-one"),
    "generator": make_request("/blocks/generator"),
    "unusual fields": make_request("/echo_environ/?q=%20", headers=[(f"X-Own-{i}", "\u00e9" * i) for i in range(20)]),
    "known fields": make_request(
        "/echo_environ/", headers=[("Cookie", "a=1"), ("Cookie", "b=2"), ("Accept", "x"), ("Accept", "y")]
    ),
    "body": make_request("/echo_body/raw", "POST", body=b"x" * 1000),
    "body on disk": make_request("/echo_body/raw", "POST", body=b"x" * 20000),
    "chunked body": make_request(
        "/echo_body/?calls=readline,read,iterate", "POST", headers=[("Transfer-Encoding", "chunked")]
    )
    + make_chunked([b"one\n", b"two"]),
    "write": make_request("/write_callable/then-blocks"),
    "errors stream": make_request("/errors_stream/write"),
    "exception": make_request("/raises/at-once"),
    "replaced head": make_request("/exc_info/before"),
    "refused head": make_request("/respond/?status=99"),
    "wrong block": make_request("/blocks/str"),
    "no start_response": make_request("/no_start_response/body"),
    "kept objects": make_request("/keeper/keep"),
    "close": make_request("/close/separate-iterator"),
    "file": make_request(f"/file_wrapper/buffered?file={__file__}"),
    "file without descriptor": make_request("/file_wrapper/no-fileno"),
    "HTTP/1.0": make_request("/blocks/generator", version="1.0"),
    "malformed": b"GET / HTTP/1.1\r\n\r\n",
}
# These end their connection, so each has one of its own.
CLOSING = ("HTTP/1.0", "malformed")


@pytest.fixture(scope="module")
def server(start_module):
    return start_module("router", "--pythonpath", BEHAVIOUR, "--body-memory", "10k")


def repeat(server, data: bytes, count: int, is_closing: bool) -> None:
    for start in range(0, count, 1 if is_closing else BATCH):
        with server.connect() as connection:
            size = 1 if is_closing else min(BATCH, count - start)
            connection.send(data * size)
            for _ in range(size):
                connection.read_response()


def measure(server) -> dict:
    """Also forgets what the applications keep on purpose."""
    server.request("/record/")
    server.request("/file_wrapper/opened")
    server.request("/memory/")
    return server.request("/memory/").json()


@pytest.mark.parametrize("kind", KINDS)
def test_no_growth(server, is_sanitized, kind):
    """The first round fills free lists, caches and arenas; the second may not need more."""
    repeat(server, KINDS[kind], COUNT, kind in CLOSING)
    before = measure(server)
    repeat(server, KINDS[kind], COUNT, kind in CLOSING)
    after = measure(server)
    assert after["objects"] - before["objects"] < COUNT / 2
    assert after["blocks"] - before["blocks"] < COUNT / 2, "more than Python's free lists explain"
    if not is_sanitized:
        assert after["resident_bytes"] - before["resident_bytes"] < COUNT * 1000


def test_a_large_body_is_given_back(server, is_sanitized):
    """A worker that has seen one large request does not stay large."""
    if is_sanitized:
        pytest.skip("sanitizers keep freed memory")
    before = measure(server)["resident_bytes"]
    for _ in range(3):
        assert len(server.request("/big_body/list?size=50000000").body) == 50_000_000
        assert server.request("/ignore_body/", "POST", body=b"x" * 20_000_000).status == 200
    assert measure(server)["resident_bytes"] - before < 20_000_000
