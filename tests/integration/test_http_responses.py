# SPDX-License-Identifier: MIT
"""What the server adds to a response and what it leaves out (RFC 9110 8.6, 9.3.2, 15; RFC 9112 6)."""

from __future__ import annotations

import email.utils
import json
import re
import time
from urllib.parse import quote

import pytest


def respond(connection, status: str, headers=(), body: str = "body", method: str = "GET", **options):
    target = f"/respond/?status={quote(status)}&headers={quote(json.dumps(list(headers)))}&body={quote(body)}"
    return connection.request(target, method, **options)


def test_date_and_server_are_added(behaviours):
    response = behaviours.request("/blocks/list-of-one")
    date = response.header("Date")
    assert re.fullmatch(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", date)
    assert abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()) < 60
    assert (response.header("Server") or "").startswith("clutch")


def test_date_and_server_of_the_application_stay(behaviours):
    with behaviours.connect() as connection:
        response = respond(connection, "200 OK", [("date", "Mon, 01 Jan 2024 00:00:00 GMT"), ("SERVER", "mine")])
    assert response.all("Date") == ["Mon, 01 Jan 2024 00:00:00 GMT"]
    assert response.all("Server") == ["mine"]


def test_order_and_duplicates_of_fields_stay(behaviours):
    sent = [
        ("Set-Cookie", "a=1"),
        ("X-Z", "last first"),
        ("set-cookie", "b=2; Path=/"),
        ("X-A", ""),
        ("Set-Cookie", "c=3"),
    ]
    with behaviours.connect() as connection:
        response = respond(connection, "200 OK", sent)
    own = [pair for pair in response.headers if pair[0].lower() in ("set-cookie", "x-z", "x-a")]
    assert own == sent


def test_status_and_reason_go_out_as_given(behaviours):
    with behaviours.connect() as connection:
        for status in ("200 OK", "299 Own Words", "404 Nicht da", "599 x", "500 Caf\u00e9"):
            response = respond(connection, status)
            assert f"{response.status} {response.reason}" == status
        assert respond(connection, "200").head.startswith(b"HTTP/1.1 200 "), "the space is there without a reason too"


@pytest.mark.parametrize(
    "path, length", [("list-of-one", "3"), ("list-of-three", "13"), ("empty-list", "0"), ("tuple", "7")]
)
def test_length_is_added_where_it_is_known(behaviours, path, length):
    response = behaviours.request(f"/blocks/{path}")
    assert (response.header("Content-Length"), response.framing) == (length, "length")


@pytest.mark.parametrize(
    "path",
    [
        "blocks/list-of-one",
        "blocks/generator",
        "blocks/empty-list",
        "write_callable/only",
        "big_body/list?size=100000",
        "big_body/generator?size=200000",
    ],
)
def test_head_gets_the_head_alone(behaviours, path):
    with behaviours.connect() as connection:
        response = connection.request(f"/{path}", "HEAD")
        assert response.status == 200
        assert connection.request("/blocks/list-of-one").body == b"one", "bytes of a body came after HEAD"


def test_head_has_the_length_that_the_application_declares(behaviours):
    with behaviours.connect() as connection:
        response = respond(connection, "200 OK", [("Content-Length", "4")], method="HEAD")
        assert response.header("Content-Length") == "4"
        assert connection.request("/blocks/list-of-one").body == b"one"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize("body", ["", "a body"])
def test_statuses_without_a_body(behaviours, status, body):
    with behaviours.connect() as connection:
        response = respond(connection, status, body=body)
        assert response.status == int(status[:3])
        assert response.header("Transfer-Encoding") is None
        if status.startswith("204"):
            assert response.header("Content-Length") is None
        assert connection.request("/blocks/list-of-one").body == b"one", "bytes of a body came"


def test_304_may_keep_its_length(behaviours):
    with behaviours.connect() as connection:
        response = respond(connection, "304 Not Modified", [("Content-Length", "1234"), ("ETag", '"x"')])
        assert response.header("ETag") == '"x"'
        assert response.header("Content-Length") in (None, "1234")
        assert connection.request("/blocks/list-of-one").body == b"one"


def test_205_has_an_empty_body(behaviours):
    with behaviours.connect() as connection:
        response = respond(connection, "205 Reset Content", body="")
        assert (response.header("Content-Length"), response.body) == ("0", b"")
        assert connection.request("/blocks/list-of-one").body == b"one"


def test_a_large_response_arrives_whole(behaviours):
    size = 20_000_000
    response = behaviours.request(f"/big_body/list?size={size}")
    assert response.header("Content-Length") == str(size)
    assert response.body == (bytes(range(256)) * (size // 256 + 1))[:size]


def test_one_packet_for_a_small_response(behaviours):
    """Head and small body leave in one call, so one read gets both."""
    with behaviours.connect() as connection:
        connection.send(b"GET /blocks/list-of-one HTTP/1.1\r\nHost: a\r\n\r\n")
        first = connection.socket.recv(65536)
    assert first.endswith(b"\r\n\r\none")
