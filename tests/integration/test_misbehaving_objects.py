# SPDX-License-Identifier: MIT
"""Applications whose objects raise, re-enter, or change what they belong to while the server looks at them. The
interpreter's debug allocator overwrites what is freed, so that a use of it shows."""

from __future__ import annotations

import pytest

from support.client import make_request
from support.server import BEHAVIOUR


@pytest.fixture(scope="module", params=[1, 3], ids=["1 thread", "3 threads"])
def server(request, start_module, is_sanitized):
    environment = {} if is_sanitized else {"PYTHONMALLOC": "debug"}
    options = ["--pythonpath", BEHAVIOUR, "--threads", request.param]
    return start_module("router", *options, environment=environment)


# What is wrong before anything is sent: a plain 500, and in the log what.
FAILS = {
    "clearing-entry": "each response header must be a tuple",
    "clearing-name": "response header cleared: its value ",
    "clearing-pair": "response header cleared: its name must be a str, not ClearsEntry",
    "clearing-half": "response header cleared: its value must be a str, not GoneGone",
    # CPython 3.9 forgets what was raised while a message was made.
    "starting-entry": r"(start_response\(\) was called a second time|TypeError)",
    "status": "(RuntimeError: evil method|ValueError)",
    "headers": r"headers must be a list of \(name, value\) tuples, not EvilList",
    "headers-tuple": r"headers must be a list of \(name, value\) tuples, not tuple",
    "headers-none": r"headers must be a list of \(name, value\) tuples, not NoneType",
    "status-int": "status must be a str such as '200 OK', not EvilInt",
    "status-bytes": "status must be a str such as '200 OK', not EvilBytes",
    "value-int": "response header 'Content-Length': its value must be a str, not EvilInt",
    "name-bytes": r"(RuntimeError: evil method|its name must be a str, not EvilBytes)",
    "tuple": "RuntimeError: evil method",
    "class": "returned an object of type type, not an iterable of bytes",
    "iter-none": "returned non-iterator of type 'NoneType'",
    "length-fails": r"the last start_response\(\) had failed, and there is a body to send",
    "iter-itself": "returned non-iterator of type 'IterReturns'",
}

# What is wrong afterwards: the response is cut off.
CUT = {
    "exc-unmade": "KeyError: 'cannot be made'",
    "exc-otherwise": "should have returned an instance of BaseException",
    "exc-mismatch": "ValueError: 'other'",
    "exc-value": r"ValueError: \(its str\(\) failed\)",
    "exc-types": "called with exc_info after the head had been sent",
    "exc-type": "called with exc_info after the head had been sent",
    "to-no-iterator": "TypeError: ",
    "next-deleted": "TypeError: ",
    "then-none": "holds a NoneType; its blocks must be bytes",
    "then-int": "holds a int; its blocks must be bytes",
    "then-dict": "holds a dict; its blocks must be bytes",
    "then-evil": "holds a Evil; its blocks must be bytes",
    "then-str": "holds a EvilStr; its blocks must be bytes",
}

# What does no harm.
SERVED = {
    "pair": b"evil bytes",
    "write": b"written from __iter__",
    "exc-info": b"second",
    "generator": b"first ",
    "resurrects": b"one two",
    "list": b"from __iter__",
    "iterable": b"from __iter__",
    "to-endless": b"first more more ",
    "dict": b"key keys",
    "bytes": b"evil bytes",
    "length": b"one",
    "length-starts": b"one",
    "length-writes": b"written one",
    "length-shrinks": b"first last",
    "wrapper": b"",
    "wrapper-within": b"0 more, third",
    "close-none": b"whole",
    "environ": b"mutated",
    "huge-fields": b"huge",
}

# What goes wrong when the client has its answer.
CLOSES = {
    "close-raises": r"close\(\) of what the application returned failed: RuntimeError: raised in close",
    "close-exits": r"close\(\) of what the application returned failed: SystemExit: 3",
    "close-uncallable": r"close\(\) of what the application returned failed: TypeError: ",
    "close-attribute": r"close\(\) of what the application returned failed: RuntimeError: close cannot be had",
    "close-starts": r"close\(\) of what the application returned failed: RuntimeError: start_response\(\)",
    "del-raises": "RuntimeError: raised in __del__",
}


def ask(server, path: str):
    """The response, by a worker that goes on afterwards."""
    before = server.worker_pids()
    with server.connect() as connection:
        response = connection.request(f"/evil/{path}")
        if response.is_complete:
            assert connection.request("/blocks/list-of-one").body == b"one"
    assert server.request("/blocks/list-of-one").body == b"one"
    assert server.worker_pids() == before
    return response


@pytest.mark.parametrize("path", FAILS)
def test_before_anything_is_sent(server, path):
    mark = server.log.mark()
    response = ask(server, path)
    assert (response.status, response.is_complete) == (500, True)
    server.wait_for_log(rf"\[error\].*GET /evil/{path}: .*{FAILS[path]}", after=mark)


def test_a_list_that_a_collection_empties(server):
    """CPython before 3.12 collects where it allocates, which may be between two looks at the list."""
    mark = server.log.mark()
    response = ask(server, "collected-list")
    assert response.is_complete
    if response.status == 500:
        server.wait_for_log("the application changed the list that it had returned", after=mark)
    else:
        assert (response.status, len(response.body)) == (200, 26 * 300_000)


@pytest.mark.parametrize("path", CUT)
def test_after_something_is_sent(server, path):
    mark = server.log.mark()
    response = ask(server, path)
    assert (response.status, response.is_complete) == (200, False)
    server.wait_for_log(rf"\[error\].*GET /evil/{path}: .*{CUT[path]}", after=mark)


@pytest.mark.parametrize("path", SERVED)
def test_what_does_no_harm(server, path):
    response = ask(server, path)
    assert (response.status, response.is_complete, response.body) == (200, True, SERVED[path])


@pytest.mark.parametrize("path", CLOSES)
def test_when_the_client_has_its_answer(server, path):
    mark = server.log.mark()
    response = ask(server, path)
    assert (response.status, response.is_complete, response.body) == (200, True, b"whole")
    server.wait_for_log(CLOSES[path], after=mark)


@pytest.mark.parametrize("size, count", [(1 << 20, 1), (10, 10_000), (1 << 16, 100)])
def test_large_heads(server, size, count):
    response = ask(server, f"huge-fields?size={size}&count={count}")
    assert (response.status, response.body) == (200, b"huge")
    assert [value for name, value in response.headers if name.startswith("X-")] == ["v" * size] * count


def test_nothing_leaks(server, is_sanitized):
    """All of them many times over: the interpreter holds no more than before."""
    paths = [*FAILS, *SERVED, *CLOSES] * 10

    def repeat():
        with server.connect() as connection:
            for path in paths:
                connection.send(make_request(f"/evil/{path}"))
                assert connection.read_response().status in (200, 500)
        for path in CUT:
            for _ in range(10):
                server.request(f"/evil/{path}")
        server.request("/memory/")
        return server.request("/memory/").json()

    repeat()
    before, after = repeat(), repeat()
    assert after["objects"] - before["objects"] < len(paths) / 4
    if not is_sanitized:
        assert after["blocks"] - before["blocks"] < len(paths) / 4
