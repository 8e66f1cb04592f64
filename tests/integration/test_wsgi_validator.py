# SPDX-License-Identifier: MIT
"""wsgiref.validate between an application and the server: it raises AssertionError at any breach of PEP 3333."""

from __future__ import annotations

import pytest

from support.client import make_chunked, make_request


def check(behaviours, target, method="GET", **options):
    mark = behaviours.log.mark()
    response = behaviours.request(f"/validated/{target}", method, **options)
    assert not behaviours.log.find("AssertionError|WSGIWarning", after=mark), behaviours.log.text
    return response


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
def test_methods(behaviours, method):
    assert check(behaviours, "read", method).status == 200


@pytest.mark.parametrize("target", ["read", "lines", "iterate"])
@pytest.mark.parametrize("body", [b"one\ntwo\nthree", b"x" * 2_000_000], ids=["small", "large"])
def test_bodies(behaviours, target, body):
    assert check(behaviours, target, "POST", body=body).body == body


def test_chunked_body(behaviours):
    with behaviours.connect() as connection:
        connection.send(
            make_request("/validated/read", "POST", headers=[("Transfer-Encoding", "chunked")])
            + make_chunked([b"one", b"two"])
        )
        assert connection.read_response().body == b"onetwo"


def test_ways_to_answer(behaviours):
    assert check(behaviours, "write").body == b"written"
    assert check(behaviours, "generator").body == b"one two"
    assert check(behaviours, "errors").status == 204
    behaviours.wait_for_log("validated: a line")


def test_odd_requests(behaviours):
    headers = [("X-Odd", "\u00ff"), ("Cookie", "a"), ("Cookie", "b"), ("Content-Type", "text/plain; charset=x")]
    assert check(behaviours, "read?a=%ff&b", headers=headers).status == 200
    assert check(behaviours, "read", version="1.0").status == 200
