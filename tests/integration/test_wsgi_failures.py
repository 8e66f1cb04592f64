# SPDX-License-Identifier: MIT
"""Applications that raise: points 29 and 30 of the PEP 3333 checklist."""

from __future__ import annotations

import pytest

TRACEBACK = r"Traceback \(most recent call last\)"


def check_alive(connection) -> None:
    assert connection.request("/blocks/list-of-one").body == b"one"


@pytest.mark.parametrize("path", ["at-once", "after-start", "iter", "first-next"])
def test_before_anything_is_sent(behaviours, path):
    """A plain 500, the whole traceback in the log, the connection goes on."""
    mark = behaviours.log.mark()
    with behaviours.connect() as connection:
        response = connection.request(f"/raises/{path}")
        assert (response.status, response.framing, response.is_complete) == (500, "length", True)
        assert response.header("X-Lost") is None, "a field of the response that failed"
        assert b"raised on purpose" not in response.body, "the client must not see the application's errors"
        assert not response.says_close
        check_alive(connection)
    behaviours.wait_for_log(TRACEBACK, after=mark)
    behaviours.wait_for_log(r'File ".*raises\.py", line \d+, in ', after=mark)
    behaviours.wait_for_log("RuntimeError: raised on purpose", after=mark)


def test_a_length_that_raises_is_no_length(behaviours):
    """__len__ is only a hint of how the body can be framed."""
    response = behaviours.request("/raises/length")
    assert (response.status, response.framing, response.body) == (200, "chunked", b"block " * 4)


def test_the_log_names_the_request(behaviours):
    mark = behaviours.log.mark()
    behaviours.request("/raises/at-once?who=me")
    behaviours.wait_for_log(r"\[error\].*GET /raises/at-once\?who=me", after=mark)


@pytest.mark.parametrize("path, sent", [("after-write", b"written "), ("mid", b"block block ")])
def test_after_something_is_sent(behaviours, path, sent):
    """The response is cut off so that the client can tell: no last chunk, the connection closes."""
    mark = behaviours.log.mark()
    with behaviours.connect() as connection:
        response = connection.request(f"/raises/{path}")
        assert (response.status, response.body, response.is_complete) == (200, sent, False)
        assert connection.is_closed_by_server()
    behaviours.wait_for_log("RuntimeError: raised on purpose", after=mark)


def test_after_something_is_sent_with_a_declared_length(behaviours):
    with behaviours.connect() as connection:
        response = connection.request("/raises/mid?length=yes")
        assert (response.header("Content-Length"), response.body, response.is_complete) == (
            "24",
            b"block block ",
            False,
        )


def test_after_a_body_was_sent_along(behaviours):
    """The request body is read whole before, so the connection can go on after a 500."""
    with behaviours.connect() as connection:
        assert connection.request("/raises/at-once", "POST", body=b"x" * 100_000).status == 500
        check_alive(connection)


def test_head_of_a_request_that_fails(behaviours):
    with behaviours.connect() as connection:
        assert connection.request("/raises/at-once", "HEAD").status == 500
        check_alive(connection)


@pytest.mark.parametrize(
    "kind",
    [
        "ValueError",
        "KeyError",
        "StopIteration",
        "MemoryError",
        "RecursionError",
        "BrokenPipeError",
        "GeneratorExit",
        "SystemExit",
        "KeyboardInterrupt",
        "BaseException",
    ],
)
def test_point_30_every_kind_of_exception(behaviours, kind):
    mark = behaviours.log.mark()
    with behaviours.connect() as connection:
        assert connection.request(f"/raises/at-once?kind={kind}").status == 500
        check_alive(connection)
    behaviours.wait_for_log(rf"^(.*: )?{kind}\b", after=mark)


@pytest.mark.parametrize(
    "path, name",
    [("system-exit", "SystemExit"), ("keyboard-interrupt", "KeyboardInterrupt"), ("private", "PrivateExit")],
)
def test_point_30_exits_end_the_request_not_the_worker(behaviours, path, name):
    mark = behaviours.log.mark()
    before = behaviours.worker_pids()
    with behaviours.connect() as connection:
        assert connection.request(f"/exits/{path}").status == 500
        check_alive(connection)
    behaviours.wait_for_log(name, after=mark)
    assert behaviours.worker_pids() == before


def test_point_30_exit_in_the_middle_of_a_body(behaviours):
    (pid,) = behaviours.worker_pids()
    response = behaviours.request("/exits/in-body")
    assert (response.body, response.is_complete) == (b"before ", False)
    assert behaviours.request("/gated/").text == f" served by {pid}"


def test_failures_leak_nothing(behaviours):
    """Many failures in a row: the checks at the end of the module count the descriptors."""
    with behaviours.connect() as connection:
        for _ in range(50):
            assert connection.request("/raises/at-once").status == 500
            assert connection.request("/raises/first-next").status == 500
        check_alive(connection)
