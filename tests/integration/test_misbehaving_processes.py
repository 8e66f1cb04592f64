# SPDX-License-Identifier: MIT
"""Applications that damage the process they live in: interpreter, signals, descriptors, limits. What the server does
itself goes on: a response, a 500 with its line in the log, the end when it is told to."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from support.client import make_request
from support.kernel import sockets_of, stopped
from support.processes import wait_gone
from support.server import BEHAVIOUR, SPAWNED
from support.waiting import wait_until

# What is answered with 200, and what fails itself.
HARMLESS = [
    "builtins",
    "import",
    "modules",
    "close-streams",
    "no-streams",
    "evil-streams",
    "low-recursion",
    "no-recursion",
    "no-collection",
    "collect",
    "gc-callback",
    "switch-interval",
    "locale",
    "surroundings",
    "signal-mask",
    "signal-handlers",
    "signals-by-default",
    "reap-children",
    "faulthandler",
    "stack-size",
    "recurse",
    "recurse-in-c",
    "asyncio",
    "asyncio-signals",
    "asyncio-programs",
    "wakeup-fd",
    "sub-interpreter",
    "limit-size",
    "excepthooks",
]
FAILING = {
    "trace": "RuntimeError: raised by a trace function",
    "profile": "RuntimeError: raised by a profile function",
    "async-exception": "KeyError",
}
BESIDE_OTHERS = ["modules", "collect", "excepthooks", "asyncio", "asyncio-programs", "sub-interpreter", "stack-size"]
OPTIONS = {"1": [], "3, preload": ["--threads", "3", "--preload"]}


@pytest.fixture(params=OPTIONS)
def vandal(request, start):
    """Starts a server of one worker for one kind of damage."""
    return lambda: start("vandal", "--pythonpath", BEHAVIOUR, *OPTIONS[request.param])


def check_service(server) -> None:
    mark = server.log.mark()
    with server.connect() as connection:
        assert connection.request("/simple").body == b"simple"
        assert connection.request("/raise").status == 500
        assert connection.request("/simple", "POST", body=b"x" * 100_000).body == b"simple"
    server.wait_for_log(r"\[error\] worker 1: GET /raise: ValueError: raised afterwards$", after=mark)


def end(server) -> None:
    """It ends by itself, and not by the end of the time for it."""
    assert server.stop() == 0
    assert not server.log_contains("graceful-timeout|killed by signal")


@pytest.mark.parametrize("damage", HARMLESS)
def test_what_is_damaged(start, damage):
    check_damage(start("vandal", "--pythonpath", BEHAVIOUR), damage)


@pytest.mark.parametrize("damage", BESIDE_OTHERS)
def test_what_is_damaged_beside_other_threads(start, damage):
    check_damage(start("vandal", "--pythonpath", BEHAVIOUR, "--threads", 3, "--preload"), damage)


def check_damage(server, damage) -> None:
    before = server.worker_pids()
    assert server.request(f"/{damage}").body == b"damaged"
    check_service(server)
    assert server.worker_pids() == before
    end(server)


@pytest.mark.parametrize("damage", FAILING)
def test_what_fails_itself(vandal, damage):
    server = vandal()
    before = server.worker_pids()
    mark = server.log.mark()
    assert server.request(f"/{damage}").status == 500
    server.wait_for_log(rf"\[error\] worker 1: GET /{damage}: {FAILING[damage]}", after=mark)
    check_service(server)
    assert server.worker_pids() == before
    end(server)


@pytest.mark.parametrize("how", ["memory-error", "memory-hog"])
def test_no_memory_left(vandal, is_sanitized, how):
    """The second exception is told of while there is none."""
    if is_sanitized:
        pytest.skip("a sanitizer's allocator ends the process")
    server = vandal()
    assert server.request(f"/{how}").status == 500
    server.wait_for_log(rf"\[error\] worker 1: GET /{how}: MemoryError")
    server.request("/no-limit")
    check_service(server)
    end(server)


def test_descriptors_of_the_server_closed(vandal):
    """The worker says why it ends; its successor serves."""
    server = vandal()
    mark = server.log.mark()
    server.exchange(make_request("/close-descriptors"))
    server.wait_for_log(r"\[error\] worker 1: the event loop has lost its descriptor \(.*\): has the application")
    server.wait_for_log(r"\[error\] master: worker 1 \(pid: \d+\) exited with status 1", after=mark)
    server.wait_for_log(SPAWNED.pattern, after=mark)
    check_service(server)
    assert server.stop() == 0


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_descriptors_of_the_server_written_to(start, options):
    """The master, which finds all of it at once, still hears what the worker itself has to say: that it was told to
    end."""
    server = start("vandal", "--pythonpath", BEHAVIOUR, *options)
    mark = server.log.mark()
    with stopped(server.pid):
        for _ in range(3):
            assert server.request("/scribble").body == b"damaged"
        pid = server.kill_worker(number=signal.SIGTERM)
        wait_gone([pid], "the worker")
    server.wait_for_log(rf"\[info\] master: worker 1 \(pid: {pid}\) exited with status 0", after=mark)
    server.wait_for_log(SPAWNED.pattern, after=mark)
    assert server.request("/simple").body == b"simple"
    assert len(server.log.find_all("the server's own channel")) == 1
    end(server)


def test_standard_descriptors_closed(vandal):
    """No connection takes their numbers: what is printed and logged goes to no client, but where it always went."""
    server = vandal()
    mark, out_mark = server.log.mark(), server.out.mark()
    assert server.request("/close-standard").body == b"damaged"
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(4)]
        for connection in connections:
            assert connection.request("/simple").body == b"simple"
        assert connections[0].request("/raise").status == 500
        assert connections[1].request("/simple", "POST", body=b"x" * 3_000_000).body == b"simple"
        assert connections[2].request("/print").body == b"printed"
        for connection in connections:
            assert connection.request("/simple").body == b"simple"
            assert connection.is_silent()
    server.out.wait_for("^printed afterwards$", after=out_mark)
    for number, name in enumerate(["input", "output", "error"]):
        fate = "from now on it leads nowhere" if number == 0 else "it is open again"
        server.wait_for_log(rf"closed descriptor {number} \(standard {name}\): {fate}$", after=mark)
    server.wait_for_log(r"\[error\] worker 1: GET /raise: ValueError: raised afterwards$", after=mark)
    end(server)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_what_workers_share(start, options):
    """The listener and the two ends of the queue. What they tell the master none of them can read of another."""
    server = start("vandal", "--pythonpath", BEHAVIOUR, *options, workers=3)
    sockets = [set(sockets_of(pid)) for pid in server.worker_pids()]
    shared = sockets[0] & sockets[1]
    assert len(shared) == 3
    assert sockets[0] & sockets[2] == sockets[1] & sockets[2] == shared
    assert set(sockets_of(server.pid)) >= shared
    assert all(len(names - shared) == 1 for names in sockets)


def test_no_descriptor_may_be_opened(start):
    """A worker that may not accept leaves new connections to the others, and lets go of idle ones."""
    server = start("vandal", "--pythonpath", BEHAVIOUR, workers=2)
    with server.connect() as connection:
        assert connection.request("/limit-files").body == b"damaged"
        for _ in range(10):
            assert server.request("/simple").body == b"simple"
    end(server)


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGALRM"])
def test_handlers_that_raise(start, name):
    """While no request runs there is nobody to raise to but the log."""
    server = start("vandal", "--pythonpath", BEHAVIOUR)
    assert server.request("/signal-handlers").body == b"damaged"
    for _ in range(3):
        mark = server.log.mark()
        os.kill(server.worker_pids()[0], getattr(signal, name))
        server.wait_for_log("a signal handler of the application failed: RuntimeError: raised by", after=mark)
        assert server.request("/simple").body == b"simple"
    end(server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_signals_taken_on_import(start, options, number):
    """To the whole group, as a terminal's Ctrl-C is, and many of them at once: the master's order counts."""
    server = start("signals_taken", "--pythonpath", BEHAVIOUR, *options)
    for _ in range(20):
        server.kill_worker(number=number)
    assert server.request("/").body == b"served"
    os.killpg(server.pid, number)
    assert server.wait_exit() == 0
    assert not server.log_contains("graceful-timeout|killed by signal")


def test_a_handler_that_sends_itself_the_next_signal(start):
    """It fails each time, and the worker serves nevertheless."""
    server = start("vandal", "--pythonpath", BEHAVIOUR)
    assert server.request("/signal-again").body == b"damaged"
    os.kill(server.worker_pids()[0], signal.SIGUSR2)
    server.wait_for_log(r"a signal handler of the application failed: R(untime|ecursion)Error")
    wait_until(lambda: server.request("/signal-enough").body == b"damaged", "a request in between")
    assert server.request("/simple").body == b"simple"
    end(server)


def test_a_client_that_goes_while_sigpipe_kills(start, tmp_path):
    """SIGPIPE as a C program has it: writing to a client that has gone must not end the worker."""
    file = tmp_path / "large"
    with open(file, "wb") as sparse:
        sparse.truncate(200_000_000)
    server = start("router", "--pythonpath", BEHAVIOUR)
    before = server.worker_pids()
    assert server.request("/vandal/signals-by-default").body == b"damaged"
    for target in (f"/file_wrapper/buffered?file={file}", "/endless/generator", "/big_body/list?size=50000000"):
        for how in ("close", "reset"):
            connection = server.connect()
            connection.send(make_request(target))
            connection.read_bytes(1000)
            getattr(connection, how)()
            assert server.request("/blocks/list-of-one").body == b"one"
    assert server.worker_pids() == before
    end(server)


def test_a_worker_that_never_ends_is_named(start, gate):
    """And with it what it was running."""
    server = start("stubborn", "--pythonpath", BEHAVIOUR, "--graceful-timeout", "1s")
    with server.connect() as connection:
        connection.send(make_request(f"/for-ever?gate={gate.path}"))
        gate.wait_reached()
        assert server.stop() == 0
        assert connection.read_to_end() == b""
    line = r'worker 1 .* has not ended within 1 s \(--graceful-timeout\): killed, while running "GET /for-ever'
    server.wait_for_log(line)
