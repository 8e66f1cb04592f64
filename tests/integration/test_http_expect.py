# SPDX-License-Identifier: MIT
"""Expect: 100-continue (RFC 9110 10.1.1; PEP 3333 checklist, point 14)."""

from __future__ import annotations

import pytest

from support.client import make_request
from support.kernel import wait_read
from support.server import BEHAVIOUR

EXPECT = ("Expect", "100-continue")


def make_head(length: int, version: str = "1.1", target: str = "/echo_body/raw") -> bytes:
    return make_request(target, "POST", headers=[EXPECT, ("Content-Length", str(length))], version=version)


def test_continue_comes_before_the_body(behaviours):
    with behaviours.connect() as connection:
        connection.send(make_head(5))
        interim = connection.read_response()
        assert (interim.status, interim.head) == (100, b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.send(b"hello")
        final = connection.read_response()
        assert (final.status, final.body) == (200, b"hello")
        assert connection.request("/blocks/list-of-one").status == 200


def test_continue_for_a_chunked_body(behaviours):
    with behaviours.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", headers=[EXPECT, ("Transfer-Encoding", "chunked")]))
        assert connection.read_response().status == 100
        connection.send(b"5\r\nhello\r\n0\r\n\r\n")
        assert connection.read_response().body == b"hello"


def test_no_continue_when_the_body_is_there_already(behaviours):
    with behaviours.connect() as connection:
        connection.send(make_head(5) + b"hello")
        response = connection.read_response()
        assert (response.status, response.body) == (200, b"hello")
        assert connection.request("/blocks/list-of-one").status == 200, "no 100 may come after the final response"


def test_no_continue_without_a_body(behaviours):
    with behaviours.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", headers=[EXPECT, ("Content-Length", "0")]))
        assert connection.read_response().status == 200
        connection.send(make_request("/echo_body/raw", headers=[EXPECT]))
        assert connection.read_response().status == 200


def test_http_1_0_gets_no_interim_response(behaviours):
    with behaviours.connect() as connection:
        connection.send(make_head(5, version="1.0"))
        wait_read(connection)
        assert connection.is_silent()
        connection.send(b"hello")
        assert connection.read_response().status == 200


@pytest.mark.parametrize("value", ["100-Continue", "100-CONTINUE"])
def test_case_does_not_matter(behaviours, value):
    with behaviours.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", headers=[("Expect", value), ("Content-Length", "2")]))
        assert connection.read_response().status == 100
        connection.send(b"ok")
        assert connection.read_response().body == b"ok"


def test_unknown_expectation(behaviours):
    with behaviours.connect() as connection:
        response = connection.request("/echo_body/raw", "POST", headers=[("Expect", "200-ok")], body=b"")
        assert response.status == 417 and response.says_close
        assert connection.is_closed_by_server()
    behaviours.wait_for_log(r"refused 417 \([^)]*expectation[^)]*\)")


def test_a_body_over_the_limit_is_refused_before_it_is_sent(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--limit-request-body", "100")
    with server.connect() as connection:
        connection.send(make_head(101))
        assert connection.read_response().status == 413
        assert connection.is_closed_by_server()
