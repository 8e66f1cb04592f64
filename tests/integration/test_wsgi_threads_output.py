# SPDX-License-Identifier: MIT
"""Several app threads, and threads of the application beside them: what they print, write, fork and trace."""

from __future__ import annotations

import collections

import pytest

from support.client import make_request
from support.server import BEHAVIOUR
from support.waiting import wait_until

THREADS = 4

# What a slow reader leaves no room for would be dropped: all that is printed between two waits has room in a pipe.
PRINTS = """
import fcntl, sys, termios, threading, time
from tools import PLAIN

def wait_read():
    while any(fcntl.ioctl(1, termios.FIONREAD, bytes(4))):
        time.sleep(0.001)

barrier = threading.Barrier(4, wait_read, timeout=60)

def application(environ, start_response):
    tag = environ["QUERY_STRING"]
    for number in range(400):
        barrier.wait()
        print(tag, number, "end", file=environ["wsgi.errors"])
        print(tag, number, "x" * (number % 7 * 2000), "end")
        sys.stdout.write(f"{tag} half of")
        sys.stdout.write(f" {number}\\n")
    start_response("200 OK", PLAIN)
    return [b"printed"]
"""


def ask_together(server, targets):
    connections = [server.connect() for _ in targets]
    for connection, target in zip(connections, targets):
        connection.send(make_request(target))
    return [connection.read_response() for connection in connections]


@pytest.fixture
def start_app(start, tmp_path):
    def start_one(text: str, *options):
        app = tmp_path / "app.py"
        app.write_text(text)
        return start(app, "--pythonpath", BEHAVIOUR, "--threads", THREADS, *options)

    return start_one


def test_lines_of_threads_do_not_mix(start_app):
    """What one print() writes is one line; nothing is lost, and each thread's lines are in order."""
    server = start_app(PRINTS)
    tags = [f"tag-{number}" for number in range(THREADS)]
    assert [response.body for response in ask_together(server, [f"/?{tag}" for tag in tags])] == [b"printed"] * THREADS
    assert server.stop() == 0
    for tag in tags:
        assert [m[1] for m in server.log.find_all(rf"^{tag} (\d+) end$")] == [str(number) for number in range(400)]
        whole = server.out.find_all(rf"^{tag} (\d+) (x*) end$")
        assert [(m[1], len(m[2])) for m in whole] == [(str(number), number % 7 * 2000) for number in range(400)]
    # Two writes are two turns: their halves may part, but no character is lost.
    assert server.out.text.count(" half of") == server.out.text.count("tag-") - 400 * THREADS == 400 * THREADS


# The request returns while a thread of the application is in write(), which waits for a client that does not read.
WRITES = """
import threading
from tools import PLAIN, note, number

SIZE = 20_000_000

def application(environ, start_response):
    write = start_response("200 OK", PLAIN + [("Content-Length", str(SIZE + 5))])
    write(b"head:")
    begun = threading.Event()

    def write_much():
        begun.set()
        write(b"x" * SIZE)

    helper = threading.Thread(target=write_much)
    helper.start()
    begun.wait(60)
    outcomes = []
    while helper.is_alive() and not outcomes:
        try:
            write(b"")
        except RuntimeError as error:
            outcomes.append(str(error))
    note("write", outcomes=outcomes)
    return []
"""


def test_a_thread_in_write_is_waited_for(start, tmp_path):
    (tmp_path / "writes.py").write_text(WRITES)
    (tmp_path / "both.py").write_text(
        "import record, writes\n"
        "def application(environ, start_response):\n"
        "    module = record if environ['PATH_INFO'] == '/record' else writes\n"
        "    return module.application(environ, start_response)\n"
    )
    options = ["--pythonpath", BEHAVIOUR, "--threads", 2, "--response-memory", "64k", "--response-file", "0"]
    server = start(tmp_path / "both.py", *options)
    for _ in range(3):
        with server.connect() as connection:
            connection.send(make_request("/"))
            connection.read_head()
            (event,) = wait_for_record(server)
            assert event == ["write", {"outcomes": ["write() was called while another thread is writing this response"]}]
            body = connection.read_bytes(20_000_005)
            assert len(body) == 20_000_005 and body[:6] == b"head:x" and body[-1:] == b"x"
            assert connection.request("/record").json() == []
    assert not server.log_contains(r"\[error\]|Traceback")


def wait_for_record(server):
    return wait_until(lambda: server.request("/record").json(), "what the application notes")


FORKS = """
import threading
import forks

barrier = threading.Barrier(4, timeout=60)
talking = threading.Event()

def talk():
    while not talking.wait(0.0005):
        print("background talks")

threading.Thread(target=talk, daemon=True).start()

def application(environ, start_response):
    barrier.wait()
    return forks.application(environ, start_response)
"""


def test_children_of_every_thread_end_where_they_leave_the_application(start_app):
    """Of the app threads the child has only the one that forked; it must end and answer nothing."""
    server = start_app(FORKS)
    expected = {"/exit?status=7": "7", "/return": "0", "/error": "1", "/body-exit": "5", "/body-error": "1"}
    paths = list(expected)
    for turn in range(5):
        targets = [paths[(turn + number) % len(paths)] for number in range(THREADS)]
        responses = ask_together(server, targets)
        assert [(response.status, response.text) for response in responses] == [
            (200, expected[target]) for target in targets
        ]
    pids = server.worker_pids()
    assert server.stop() == 0
    assert len(pids) == 1
    assert len(server.out.find_all("^child says goodbye$")) == 4


HOOKS = """
import sys, threading
from tools import json_reply

seen = {}

def profile(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "application":
        seen.setdefault(threading.current_thread().name, []).append("profiled")

def trace(frame, event, argument):
    if frame.f_code.co_name == "application":
        seen.setdefault(threading.current_thread().name, []).append("traced")

threading.setprofile(profile)
threading.settrace(trace)
barrier = threading.Barrier(4, timeout=60)

def application(environ, start_response):
    barrier.wait()
    return json_reply(start_response, sorted(seen.get(threading.current_thread().name, [])))
"""


def test_hooks_for_all_threads_are_for_app_threads_too(start_app):
    """threading.settrace() and setprofile() at import: every thread but the main thread, which was there before."""
    server = start_app(HOOKS)
    has_getters = "CPython 3.9." not in server.log.text
    reports = [response.json() for response in ask_together(server, ["/"] * THREADS)]
    hooked = ["profiled", "traced"] if has_getters else []
    assert collections.Counter(map(tuple, reports)) == collections.Counter([()] + [tuple(hooked)] * (THREADS - 1))


def test_many_requests_on_all_threads(start):
    """Ordinary traffic: far more connections than threads, pieces of every kind of body, each response its own."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--threads", THREADS)
    connections = [server.connect() for _ in range(24)]
    for turn in range(8):
        expected = []
        for number, connection in enumerate(connections):
            blocks = (turn + number) % 5 + 1
            if number % 2:
                connection.send(make_request(f"/stream/?blocks={blocks}&size={number + 1}"))
                expected.append(b"".join(bytes([ord("a") + i % 26]) * (number + 1) for i in range(blocks)))
            else:
                body = f"{turn}-{number}".encode() * 1000 * blocks
                connection.send(make_request("/echo_body/raw", "POST", body=body))
                expected.append(body)
        assert [connection.read_response().body for connection in connections] == expected
