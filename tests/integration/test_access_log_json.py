# SPDX-License-Identifier: MIT
"""The access log as JSON: always valid, always of the same types, whatever a client sends."""

from __future__ import annotations

import datetime
import json

import pytest

from support.client import make_chunked, make_request
from support.server import BEHAVIOUR

TYPES = {
    "time": str,
    "pid": int,
    "worker": int,
    "thread": int,
    "remote_address": str,
    "method": str,
    "target": str,
    "protocol": str,
    "status": int,
    "request_bytes": int,
    "response_bytes": int,
    "referer": (str, type(None)),
    "user_agent": (str, type(None)),
    "duration_us": int,
    "queue_us": int,
    "gil_us": int,
    "app_us": int,
    "write_us": int,
}


@pytest.fixture(scope="module")
def server(start_module):
    return start_module("router", "--pythonpath", BEHAVIOUR, "--access-logfile", "-", "--access-logformat", "json")


def record_of(server, target: str = "/blocks/list-of-one", method: str = "GET", **options) -> dict:
    mark = server.out.mark()
    server.request(target, method, **options)
    return parse(server.out.wait_for("", after=mark)[0].string)


def parse(line: str) -> dict:
    record = json.loads(line)
    assert list(record) == list(TYPES)
    for key, kind in TYPES.items():
        assert isinstance(record[key], kind) and not isinstance(record[key], bool), f"{key}: {record[key]!r}"
    return record


def test_values(server):
    record = record_of(server, "/blocks/list-of-three?q", headers=[("Referer", "ref"), ("User-Agent", "agent")])
    expected = {
        "pid": server.worker_pids()[0],
        "worker": 1,
        "thread": 0,
        "remote_address": "127.0.0.1",
        "method": "GET",
        "target": "/blocks/list-of-three?q",
        "protocol": "HTTP/1.1",
        "status": 200,
        "request_bytes": 0,
        "response_bytes": 13,
        "referer": "ref",
        "user_agent": "agent",
    }
    assert {key: record[key] for key in expected} == expected
    moment = datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00"))
    assert abs((moment - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 120


def test_absent_fields_are_null(server):
    record = record_of(server)
    assert record["referer"] is None and record["user_agent"] is None


def test_sizes_of_bodies(server):
    record = record_of(server, "/echo_body/raw", "POST", body=b"x" * 1234)
    assert (record["request_bytes"], record["response_bytes"]) == (1234, 1234)
    mark = server.out.mark()
    with server.connect() as connection:
        connection.send(
            make_request("/echo_body/raw", "POST", headers=[("Transfer-Encoding", "chunked")])
            + make_chunked([b"abc", b"defg"])
        )
        connection.read_response()
    record = parse(server.out.wait_for("", after=mark)[0].string)
    assert (record["request_bytes"], record["response_bytes"]) == (7, 7)


def test_chunked_responses_count_their_body_alone(server):
    assert record_of(server, "/blocks/generator")["response_bytes"] == 13
    assert record_of(server, "/blocks/list-of-one", "HEAD")["response_bytes"] == 0


def test_times_add_up(server):
    record = record_of(server, "/sleeper/?ms=100")
    assert 100_000 <= record["app_us"] <= record["duration_us"] < 60_000_000
    assert record["app_us"] + record["gil_us"] + record["write_us"] <= record["duration_us"] + 1000


@pytest.mark.parametrize(
    "value",
    [
        'quote " backslash \\ end',
        "tab\tin",
        "\xff\xfe\x80 latin-1",
        '{"a": 1}',
        "x" * 5000,
        '"' * 3000,
        "\\" * 3000,
        "\xff" * 3000,
    ],
    ids=lambda value: repr(value[:12]),
)
def test_hostile_fields(server, value):
    record = record_of(server, headers=[("User-Agent", value), ("Referer", value)])
    for key in ("user_agent", "referer"):
        assert record[key] == value or (record[key].endswith("...") and value.startswith(record[key][:-3]))


@pytest.mark.parametrize(
    "target", ["/blocks/list-of-one?%22%0a\\", "/" + "a" * 8000, "/'{}[]|^`", "/%ff%22"], ids=lambda target: target[:20]
)
def test_hostile_targets(server, target):
    record = record_of(server, target)
    assert record["target"] == target or (record["target"].endswith("...") and target.startswith(record["target"][:-3]))


def test_a_line_is_never_longer_than_a_pipe_takes_at_once(server):
    mark = server.out.mark()
    server.request("/" + "\\" * 7000, headers=[("User-Agent", "\xff" * 8000), ("Referer", "\xff" * 8000)])
    line = server.out.wait_for("", after=mark)[0].string
    assert len(line.encode()) < 4096
    parse(line)
