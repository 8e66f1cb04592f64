# SPDX-License-Identifier: MIT
"""SIGHUP: a new generation of workers takes over when all of it is ready; nobody's request is lost; and when it does
not become ready, the old one serves on."""

from __future__ import annotations

import os
import signal

import pytest

from support import processes
from support.client import make_request
from support.load import Load
from support.server import SPAWNED
from support.waiting import wait_until

APPLICATION = """
import clutch, os
VERSION = {version!r}
{before}
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Pid", str(os.getpid()))])
    if environ["PATH_INFO"] == "/gated":
        open(environ["QUERY_STRING"]).read()
    return [f"{{VERSION}} of generation {{clutch.generation()}}".encode()]
"""

# Stands at a gate while it is loaded, but in the first generation.
WAITS = "if clutch.generation() > 1: os.read(os.open({path!r}, os.O_RDONLY), 1)"

MODES = pytest.mark.parametrize("options", [[], ["--preload"]], ids=["lazy", "preload"])


@pytest.fixture
def serve(start, write, tmp_path):
    """serve(*options, ...): starts the application."""
    write()
    return lambda *options, **keywords: start("shop", "--pythonpath", tmp_path, *options, **{"workers": 2, **keywords})


def reload(server, expected: str = r"reload done: ") -> str:
    """Reloads, and returns the line that says how it went."""
    mark = server.log.mark()
    server.send_signal(signal.SIGHUP)
    return server.wait_for_log(expected, after=mark).string


def spawned_of(server, generation: int) -> list[int]:
    return [int(match["pid"]) for match in server.log.find_all(rf"{SPAWNED.pattern} of generation {generation}$")]


def release_all(gate) -> None:
    """Lets all go on that stand at the gate, and those that come later."""
    fd = os.open(gate.path, os.O_RDWR | os.O_NONBLOCK)
    os.write(fd, b"\n" * 100)
    gate.release()
    gate.fd = fd


@pytest.mark.parametrize("options", [[], ["--preload"], ["--threads", "4"]], ids=["lazy", "preload", "threads"])
def test_ten_reloads_under_load_lose_nothing(serve, options):
    server = serve(*options)
    with Load(server.port) as load:
        for generation in range(2, 12):
            assert f"generation {generation} serves with 2 workers" in reload(server)
            load.wait_answers()
    assert not load.errors
    assert len(load.bodies) > 5, load.bodies


@MODES
def test_new_code_is_served(serve, write, options):
    server = serve(*options)
    old = server.worker_pids()
    assert server.request("/").text == "first of generation 1"
    write("second")
    reload(server)
    wait_until(lambda: server.request("/").text == "second of generation 2", "the new code")
    processes.wait_gone(old, "the old workers")
    assert {server.request("/").text for _ in range(10)} == {"second of generation 2"}


@MODES
def test_a_broken_application_keeps_the_old_generation(serve, write, options):
    server = serve(*options)
    old = server.worker_pids()
    write("broken", before="raise ValueError('unfinished')")
    with Load(server.port) as load:
        line = reload(server, r"reload failed: ")
    assert not load.errors and list(load.bodies) == ["first of generation 1"]
    assert "did not become ready: the reasons are above" in line and line.endswith("generation 1 serves on")
    assert len(server.log.find_all("reload failed")) == 1
    assert server.log_contains("ValueError: unfinished")
    processes.wait_gone(spawned_of(server, 2), "the workers of the reload")
    assert all(map(processes.is_running, old))
    write("mended")
    reload(server)
    wait_until(lambda: server.request("/").text == "mended of generation 3", "the mended application")
    processes.wait_gone(old, "the old workers")


@MODES
def test_a_new_worker_that_is_killed_ends_the_reload(serve, write, gate, options):
    """While it loads, or with --preload the zygote does."""
    server = serve(*options)
    write("second", before=WAITS.format(path=gate.path))
    mark = server.log.mark()
    server.send_signal(signal.SIGHUP)
    gate.wait_reached()
    number = r"zygote" if options else r"worker \d"
    victim = int(server.wait_for_log(rf"spawned {number} \(pid: (\d+).* of generation 2$", after=mark)[1])
    with Load(server.port) as load:
        os.kill(victim, signal.SIGKILL)
        line = server.wait_for_log(r"reload failed: ", after=mark).string
        release_all(gate)
    assert f"(pid: {victim}) was killed by signal 9 (SIGKILL)" in line
    assert not load.errors and list(load.bodies) == ["first of generation 1"]


def test_a_new_worker_that_takes_too_long_ends_the_reload(serve, write, gate):
    server = serve("--boot-timeout", "8s")
    write("second", before=WAITS.format(path=gate.path))
    assert "has not loaded the application within --boot-timeout" in reload(server, r"reload failed: ")
    assert server.request("/").text == "first of generation 1"


@MODES
def test_requests_that_have_begun_are_finished(serve, write, gate, options):
    server = serve(*options)
    with server.connect() as connection:
        connection.send(make_request(f"/gated?{gate.path}"))
        gate.wait_reached()
        write("second")
        reload(server)
        wait_until(lambda: server.request("/").text == "second of generation 2", "the new generation")
        gate.open()
        response = connection.read_response()
    assert response.text == "first of generation 1" and response.status == 200
    processes.wait_gone([int(response.header("X-Pid"))], "the old workers")


def test_idle_connections_go_over_to_the_new_generation(serve):
    server = serve()
    connections = [server.connect() for _ in range(300)]
    for connection in connections:
        assert connection.request("/").text == "first of generation 1"
    old = server.worker_pids()
    reload(server)
    processes.wait_gone(old, "the old workers")
    for connection in connections:
        assert connection.request("/").text == "first of generation 2"


def test_an_old_worker_that_dies_meanwhile_is_replaced_by_one_of_its_own(serve, write, gate):
    server = serve()
    victim = server.worker_pids()[0]
    write("second", before=WAITS.format(path=gate.path))
    server.send_signal(signal.SIGHUP)
    gate.wait_reached()
    mark = server.log.mark()
    os.kill(victim, signal.SIGKILL)
    server.wait_for_log(SPAWNED.pattern + "$", after=mark)
    release_all(gate)
    server.wait_for_log(r"reload done: generation 2 serves with 2 workers", after=mark)
    wait_until(lambda: len(processes.children(server.pid)) == 2, "the old ones to end")
    assert sorted(processes.children(server.pid)) == sorted(spawned_of(server, 2))


def test_a_second_reload_follows_the_first(serve, write, gate):
    server = serve()
    write("second", before=WAITS.format(path=gate.path))
    server.send_signal(signal.SIGHUP)
    gate.wait_reached()
    mark = server.log.mark()
    server.send_signal(signal.SIGHUP)
    server.wait_for_log("another one follows it", after=mark)
    write("third")
    release_all(gate)
    server.wait_for_log(r"generation 3 serves with 2 workers", after=mark)
    wait_until(lambda: server.request("/").text == "third of generation 3", "the last code")


@MODES
def test_a_stop_ends_both_generations(serve, write, gate, options):
    server = serve(*options, "--graceful-timeout", "5s")
    write("second", before=WAITS.format(path=gate.path))
    server.send_signal(signal.SIGHUP)
    gate.wait_reached()
    server.send_signal(signal.SIGHUP)
    assert server.stop() == 0
    assert not server.log_contains("reload done")


@MODES
def test_twenty_reloads_leave_nothing_behind(serve, options, is_sanitized):
    server = serve(*options)

    def memory_kb() -> int:
        status = (processes.PROC / str(server.pid) / "status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0])

    def descriptors():
        return processes.open_descriptors(server.pid)

    def reload_and_wait() -> None:
        mark = server.log.mark()
        reload(server)
        server.wait_for_log("exited with status 0", after=mark, count=3 if options else 2)
        wait_until(lambda: descriptors()["anon_inode:[pidfd]"] == (2 if options else 0), "those of the dead to be closed")

    reload_and_wait()
    before, kb = descriptors(), memory_kb()
    for _ in range(20):
        reload_and_wait()
    wait_until(lambda: descriptors() == before, "no more descriptors than before")
    assert is_sanitized or memory_kb() <= kb + 64
