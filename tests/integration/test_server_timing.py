# SPDX-License-Identifier: MIT
"""--server-timing: how long a request waited and ran, as a response field."""

from __future__ import annotations

import re

import pytest

from support.client import make_request
from support.kernel import wait_read
from support.server import BEHAVIOUR

FORM = r"queue;dur=(\d+\.\d+), gil;dur=(\d+\.\d+), app;dur=(\d+\.\d+)"


@pytest.fixture(scope="module")
def server(start_module):
    return start_module("router", "--pythonpath", BEHAVIOUR, "--server-timing")


def timing_of(response) -> list[float]:
    match = re.fullmatch(FORM, response.header("Server-Timing") or "")
    assert match, response.head
    return [float(text) for text in match.groups()]


def test_off_by_default(behaviours):
    assert behaviours.request("/blocks/list-of-one").header("Server-Timing") is None


def test_milliseconds(server):
    queue, gil, app = timing_of(server.request("/sleeper/?ms=100"))
    assert 0 <= queue < 10_000 and 0 <= gil < 10_000
    assert 100 <= app < 60_000


@pytest.mark.parametrize(
    "path",
    [
        "/blocks/list-of-one",
        "/blocks/generator",
        "/close/not-modified",
        "/raises/at-once",
        "/big_body/list?size=1000000",
    ],
)
def test_in_every_response(server, path):
    timing_of(server.request(path))


def test_queue(server, gate):
    with server.connect() as first, server.connect() as second:
        assert second.request("/blocks/list-of-one").status == 200
        first.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        second.send(make_request("/blocks/list-of-one"))
        wait_read(second)  # then its time in the queue begins
        assert second.is_silent(0.5)
        gate.open()
        queue, _, _ = timing_of(second.read_response())
    assert 250 <= queue < 60_000


def test_a_field_of_the_application_stays(server):
    response = server.request("/respond/?headers=[[%22Server-Timing%22,%22db;dur=5%22]]")
    assert "db;dur=5" in response.all("Server-Timing")
    assert any(re.fullmatch(FORM, value) for value in response.all("Server-Timing"))
