# SPDX-License-Identifier: MIT
"""start_response: points 16 to 20 of the PEP 3333 checklist."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from support.server import BEHAVIOUR


def respond(server, status="200 OK", headers=(), shape=""):
    pairs = quote(json.dumps(list(headers)))
    return server.request(f"/respond/?status={quote(status)}&headers={pairs}&as={shape}")


def check_refused(server, record, *kinds, **call):
    """start_response raised one of these exceptions, and the application could still answer something else."""
    response = respond(server, **call)
    assert (response.status, response.body) == (200, b"refused"), "start_response took it"
    assert response.header("X-Refused") in kinds
    ((name, details),) = record()
    assert name == "refused" and details["message"], "an exception without a message helps nobody"


@pytest.mark.parametrize(
    "status",
    [
        "20 OK",
        "2000 OK",
        "OK",
        "",
        "200OK",
        "abc Def",
        "100 Continue",
        "101 Switch",
        "099 Low",
        "600 High",
        "200 OK\r\nX-Evil: 1",
        "200 O\nK",
        "200 \x01",
        " 200 OK",
        "200 O\0K",
        "200 OK\u010d\u010aX-Evil: 1",  # a careless conversion would make CR LF of it
    ],
)
def test_point_16_status(behaviours, record, status):
    check_refused(behaviours, record, "ValueError", "AssertionError", status=status)


def test_point_16_status_of_other_types(behaviours, record):
    check_refused(behaviours, record, "TypeError", shape="bytes-status")


@pytest.mark.parametrize("shape", ["tuple", "list-pairs", "bytes-value", "too-few"])
def test_point_16_headers_are_a_list_of_pairs_of_str(behaviours, record, shape):
    check_refused(behaviours, record, "TypeError", "ValueError", headers=[["X-A", "b"]], shape=shape)


@pytest.mark.parametrize(
    "headers", [[["X-A", 1]], [["X-A", None]], [[1, "b"]], [["X-A"]], [["X-A", "b", "c"]]], ids=str
)
def test_point_16_pairs_of_other_types(behaviours, record, headers):
    check_refused(behaviours, record, "TypeError", "ValueError", headers=headers)


@pytest.mark.parametrize(
    "name", ["", "X A", "X:A", "X\r\nEvil", "X\nEvil", "X\0", "X\x7f", "\u00e9", "X(", " X", "X ", "X\u010d\u010aEvil"], ids=repr
)
def test_point_17_names(behaviours, record, name):
    check_refused(behaviours, record, "ValueError", headers=[[name, "value"]])


@pytest.mark.parametrize(
    "value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "a\x01b", "a\x7fb", "\u20ac", "a\n", "\r\n a", "a\u010d\u010aEvil: 1"], ids=repr
)
def test_point_17_values(behaviours, record, value):
    check_refused(behaviours, record, "ValueError", "UnicodeEncodeError", headers=[["X-Value", value]])


@pytest.mark.parametrize(
    "value", ["", "tab\there", "caf\u00e9", " spaced ", "x" * 5000, '"quoted", list; a=b'], ids=lambda v: v[:20]
)
def test_point_17_values_that_are_good(behaviours, value):
    assert respond(behaviours, headers=[["X-Value", value]]).header("X-Value") == value.strip(" \t")


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "keep-alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
    ],
)
def test_point_18_hop_by_hop_fields(behaviours, record, name):
    check_refused(behaviours, record, "ValueError", "AssertionError", headers=[[name, "x"]])


def test_point_18_hop_by_hop_fields_dropped(start):
    """--strip-hop-by-hop: the field does not leave the server, the others do, and the framing stays the server's."""
    server = start("respond", "--pythonpath", BEHAVIOUR, "--strip-hop-by-hop")
    with server.connect() as connection:
        for name, value in (("Connection", "close"), ("Transfer-Encoding", "gzip"), ("Keep-Alive", "timeout=5")):
            pairs = quote(json.dumps([[name, value], ["X-Other", "kept"]]))
            response = connection.request(f"/?headers={pairs}")
            assert (response.status, response.body) == (200, b"body")
            assert response.header("X-Other") == "kept"
            assert response.header(name) is None


@pytest.mark.parametrize(
    "headers",
    [
        [["Content-Length", "x"]],
        [["Content-Length", "-1"]],
        [["Content-Length", ""]],
        [["Content-Length", "1, 1"]],
        [["Content-Length", "1"], ["Content-Length", "2"]],
    ],
    ids=str,
)
def test_content_length_must_be_a_number(behaviours, record, headers):
    check_refused(behaviours, record, "ValueError", headers=headers)


def test_point_19_second_call_without_exc_info(behaviours, record):
    response = behaviours.request("/exc_info/twice")
    assert (response.status, response.body) == (200, b"first")
    assert [name for name, _ in record()] == ["refused"]


def test_point_19_second_call_after_a_failed_first(behaviours, record):
    response = behaviours.request("/exc_info/twice-after-failure")
    assert response.status == 500
    assert [name for name, _ in record()] == ["first refused", "second refused"]


def test_point_19_replacing_before_anything_is_sent(behaviours, record):
    response = behaviours.request("/exc_info/before")
    assert (response.status, response.reason, response.body) == (503, "Try Later", b"replaced")
    assert response.header("X-First") is None and response.header("X-Second") == "yes"
    assert response.header("Content-Type") == "text/html"
    assert record() == [["replaced", {}]]


def test_point_19_replacing_forgets_all_of_the_first_head(behaviours):
    """Length, Date and Server of the first call too."""
    response = behaviours.request("/exc_info/length")
    assert (response.status, response.body) == (500, b"longer than three")
    assert response.header("Date") != "yesterday" and response.header("Server") != "first"


def test_point_19_after_the_head_is_sent_the_exception_comes_back(behaviours, record):
    with behaviours.connect() as connection:
        response = connection.request("/exc_info/after")
        assert (response.status, response.chunks, response.is_complete) == (200, [b"sent "], False)
    assert record() == [["re-raised", {"same": True, "has_traceback": True}]]
    behaviours.wait_for_log(r"Mistake: on purpose")


def test_point_19_exc_info_in_the_first_call(behaviours):
    response = behaviours.request("/exc_info/first")
    assert (response.status, response.body) == (500, b"handled")
    assert behaviours.request("/exc_info/none").body == b"none"


@pytest.mark.parametrize("path", ["body", "generator", "empty", "too-late"])
def test_point_20_no_head_before_the_body(behaviours, path):
    mark = behaviours.log.mark()
    response = behaviours.request(f"/no_start_response/{path}")
    assert response.status == 500
    assert b"body" not in response.body and b"early" not in response.body
    behaviours.wait_for_log("start_response", after=mark)


@pytest.mark.parametrize("path", ["first-next", "after-empty"])
def test_point_20_the_head_may_come_with_the_first_block(behaviours, path):
    response = behaviours.request(f"/no_start_response/{path}")
    assert (response.status, response.body) == (200, b"late")


def test_a_kept_start_response_is_of_no_use_later(behaviours):
    with behaviours.connect() as connection:
        connection.request("/keeper/keep")
        response = connection.request("/keeper/start-response")
        assert response.json()[0] == "raised"
        assert response.header("X-Late") is None
