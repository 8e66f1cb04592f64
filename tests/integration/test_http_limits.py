# SPDX-License-Identifier: MIT
"""Each limit on a request at its exact boundary: 414, 431, 413."""

from __future__ import annotations

import pytest

from support.client import make_chunked, make_request
from support.server import BEHAVIOUR

LINE_BYTES, FIELD_COUNT, HEAD_BYTES, BODY_BYTES = 200, 10, 2048, 1000


@pytest.fixture(scope="module")
def server(start_module):
    return start_module(
        "router",
        "--pythonpath",
        BEHAVIOUR,
        "--limit-request-line",
        LINE_BYTES,
        "--limit-request-fields",
        FIELD_COUNT,
        "--limit-request-head",
        "2k",
        "--limit-request-body",
        BODY_BYTES,
        "--debug-without",  # more refusals in a second than there may be lines about them
        "log-limit",
    )


def line_of(size: int) -> str:
    """Returns a target that makes the request line `size` bytes long without its CRLF."""
    start, rest = "/blocks/tuple?", len("GET  HTTP/1.1")
    return start + "x" * (size - rest - len(start))


def head_of(size: int) -> bytes:
    """Returns a request whose head is `size` bytes long, the empty line included."""
    bare = make_request("/blocks/tuple", headers=[("X-Long", "")])
    return make_request("/blocks/tuple", headers=[("X-Long", "y" * (size - len(bare)))])


def check(server, data: bytes, status: int, log: str = "", piece_bytes: int | None = None) -> None:
    mark = server.log.mark()
    with server.connect() as connection:
        address = connection.local_address
        try:
            connection.send_slowly(data, piece_bytes or len(data))
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = connection.read_response()
        assert response.status == status
        if status == 200:
            assert connection.request("/blocks/list-of-one").body == b"one"
        else:
            assert response.says_close and connection.is_closed_by_server()
            server.wait_for_log(rf"refused {status} \([^)]*{log}[^)]*\) of {address}", after=mark)


@pytest.mark.parametrize("piece_bytes", [None, 1])
@pytest.mark.parametrize(
    "size, status",
    [(LINE_BYTES - 1, 200), (LINE_BYTES, 200), (LINE_BYTES + 1, 414), (LINE_BYTES + 2, 414), (LINE_BYTES + 3000, 414)],
)
def test_request_line(server, size, status, piece_bytes):
    check(server, make_request(line_of(size)), status, "limit-request-line", piece_bytes)


def test_request_line_that_never_ends(server):
    check(server, b"GET /" + b"x" * 100_000, 414, "limit-request-line")


@pytest.mark.parametrize("count, status", [(FIELD_COUNT, 200), (FIELD_COUNT + 1, 431), (FIELD_COUNT + 50, 431)])
def test_number_of_fields(server, count, status):
    headers = [(f"X-{i}", "v") for i in range(count - 1)]  # one more is Host
    check(server, make_request("/blocks/tuple", headers=headers), status, "limit-request-fields")


def test_fields_that_do_not_reach_the_application_count_too(server):
    headers = [("X_Dropped", "v")] * FIELD_COUNT
    check(server, make_request("/blocks/tuple", headers=headers), 431, "limit-request-fields")


@pytest.mark.parametrize("piece_bytes", [None, 1])
@pytest.mark.parametrize(
    "size, status", [(HEAD_BYTES - 1, 200), (HEAD_BYTES, 200), (HEAD_BYTES + 1, 431), (HEAD_BYTES + 5000, 431)]
)
def test_head(server, size, status, piece_bytes):
    check(server, head_of(size), status, "limit-request-head", piece_bytes)


def test_head_that_never_ends(server):
    check(server, make_request("/")[:-2] + b"X-Long: " + b"y" * 100_000, 431, "limit-request-head")


@pytest.mark.parametrize("size, status", [(BODY_BYTES - 1, 200), (BODY_BYTES, 200), (BODY_BYTES + 1, 413)])
def test_body_with_a_length(server, size, status):
    check(server, make_request("/echo_body/raw", "POST", body=b"b" * size), status, "limit-request-body")


@pytest.mark.parametrize(
    "sizes, status",
    [
        ([BODY_BYTES], 200),
        ([BODY_BYTES - 1, 1], 200),
        ([BODY_BYTES, 1], 413),
        ([BODY_BYTES + 1], 413),
        ([1] * (BODY_BYTES + 1), 413),
    ],
)
def test_chunked_body(server, sizes, status):
    head = make_request("/echo_body/raw", "POST", headers=[("Transfer-Encoding", "chunked")])
    check(server, head + make_chunked([b"b" * size for size in sizes]), status, "limit-request-body")


def test_limits_hold_for_every_request_of_a_connection(server):
    """Counters begin anew with every request; many small ones never add up to a large one."""
    with server.connect() as connection:
        for _ in range(3):
            connection.send(head_of(HEAD_BYTES) + make_request(line_of(LINE_BYTES)))
            assert connection.read_response().status == 200
            assert connection.read_response().status == 200
        connection.send(head_of(HEAD_BYTES + 1))
        assert connection.read_response().status == 431


def test_default_limits(behaviours):
    """8190 bytes of request line, 100 fields, 32 KiB of head."""
    check(behaviours, make_request(line_of(8190)), 200)
    check(behaviours, make_request(line_of(8191)), 414)
    check(behaviours, make_request("/blocks/tuple", headers=[(f"X-{i}", "v") for i in range(99)]), 200)
    check(behaviours, make_request("/blocks/tuple", headers=[(f"X-{i}", "v") for i in range(100)]), 431)
    check(behaviours, head_of(32768), 200)
    check(behaviours, head_of(32769), 431)
