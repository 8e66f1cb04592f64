# SPDX-License-Identifier: MIT
"""Every case of tests/cases against the real server: its bytes whole, one at a time, and cut in two."""

from __future__ import annotations

import re

import pytest

from support.cases import Case, read_folder
from support.client import Connection, make_request
from support.server import BEHAVIOUR

CASES = read_folder("http1") + read_folder("proxies")


@pytest.fixture(scope="module")
def server(start_module):
    # More refusals in a second than there may be lines about them.
    return start_module("show_request", "--pythonpath", BEHAVIOUR, "--debug-without", "log-limit")


def send_bytes(connection: Connection, data: bytes, size: int) -> None:
    """Sends in pieces; a server that has refused already may close while more is on its way."""
    try:
        connection.send_slowly(data, size)
    except (BrokenPipeError, ConnectionResetError):
        pass


def check_refusal(server, case: Case, response, address: str, mark: int) -> None:
    """A refused request gets a one-line reason, the word that the connection closes, and a line in the log."""
    assert response.says_close
    assert re.fullmatch(rb"[^\r\n]+\n?", response.body), f"not a one-line reason: {response.body!r}"
    told = rf"\[info\] .*refused {response.status} \((?P<why>[^)]+)\) of {re.escape(address)}"
    line = server.wait_for_log(told, after=mark)
    assert case.log.lower() in line["why"].lower()


def check_served(case: Case, response) -> None:
    seen = response.json()
    for key, value in case.environ.items():
        assert seen["environ"].get(key) == value, key
    for key in case.absent:
        assert key not in seen["environ"]
    if case.body is not None:
        assert seen["body"] == case.body


def check_case(server, case: Case, piece_bytes: int) -> None:
    mark = server.log.mark()
    with server.connect() as connection:
        address = connection.local_address
        send_bytes(connection, case.data, piece_bytes)
        responses = [connection.read_response() for _ in case.statuses]
        for response, allowed in zip(responses, case.statuses):
            assert response.status in allowed
        if case.stays_open:
            assert not responses[-1].says_close
            assert connection.request("/afterwards").status == 200
        else:
            assert connection.is_closed_by_server(), f"more came: {bytes(connection.buffer)!r}"
    served = [response for response in responses if response.status == 200]
    if served:
        check_served(case, served[-1])
    if responses[-1].status >= 400:
        check_refusal(server, case, responses[-1], address, mark)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_whole(server, case):
    check_case(server, case, len(case.data))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_byte_by_byte(server, case):
    check_case(server, case, 1 if len(case.data) < 2000 else 997)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_cut_in_two(server, case):
    check_case(server, case, (len(case.data) + 1) // 2)


def test_a_refusal_disturbs_nobody_else(server):
    with server.connect() as bystander:
        assert bystander.request("/before").status == 200
        for case in CASES:
            if case.statuses[-1][0] >= 400:
                with server.connect() as connection:
                    send_bytes(connection, case.data, len(case.data))
        assert bystander.request("/after").status == 200


def test_a_request_that_is_cut_off_is_not_run(server):
    """Bytes that never become a whole request, then the end: nothing is executed, nothing is answered with a 200."""
    for part in (b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\n", make_request("/", "POST", body=b"hello")[:-2]):
        with server.connect() as connection:
            connection.send(part)
            connection.shut_down_sending()
            answer = connection.read_to_end()
            assert b" 200 " not in answer, part
    assert server.request("/").status == 200
