# SPDX-License-Identifier: MIT
"""Workers are replaced one at a time, each after its successor has become ready, and nobody's request is lost; and
their number follows SIGTTIN and SIGTTOU."""

from __future__ import annotations

import pathlib
import signal

import pytest

from support import processes
from support.client import make_request
from support.kernel import stopped, wait_calm
from support.load import Load
from support.server import SPAWNED
from support.waiting import wait_until

APPLICATION = """
import os
{before}
hoard = []
def application(environ, start_response):
    if environ["PATH_INFO"] == "/hoard":
        hoard.append(b"x" * (64 << 20))
    if environ["PATH_INFO"] == "/gated":
        open(environ["QUERY_STRING"]).read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""

SEEN = """
import sys, clutch
@clutch.on_worker_start
def begin():
    print(f"worker {clutch.worker_id()} of {clutch.worker_count()}", file=sys.stderr, flush=True)
def application(environ, start_response):
    start_response("200 OK", [])
    return [f"{clutch.worker_count()} {environ['wsgi.multiprocess']}".encode()]
"""

MODES = pytest.mark.parametrize("options", [[], ["--preload"]], ids=["lazy", "preload"])


@pytest.fixture
def serve(start, tmp_path):
    """serve(*options, before="", ...): starts the application."""

    def start_application(*options, before: str = "", **keywords):
        (tmp_path / "shop.py").write_text(APPLICATION.format(before=before))
        return start("shop", "--pythonpath", tmp_path, *options, **{"workers": 2, **keywords})

    return start_application


def wait_workers(server, count: int, zygotes: int = 0) -> None:
    wait_until(lambda: len(processes.children(server.pid)) == count + zygotes, f"{count} workers")


@MODES
def test_after_so_many_requests(serve, options):
    """Under load: every worker is replaced again and again."""
    server = serve("--max-requests", "50", "--max-requests-jitter", "10", *options)
    with Load(server.port) as load:
        for count in range(1, 9):
            server.wait_for_log(r"is to be replaced \(max_requests\)", count=count)
    assert not load.errors
    assert len(load.bodies) >= 7
    assert all(count >= 20 for count in sorted(load.bodies.values())[3:]), load.bodies


def test_one_at_a_time_and_the_old_one_serves_meanwhile(serve, gate):
    shut = pathlib.Path(gate.path + ".shut")
    server = serve("--max-requests", "3", before=f"if os.path.exists('{shut}'): open('{gate.path}').read()")
    shut.touch()
    old = set(map(str, server.worker_pids()))
    mark = server.log.mark()
    while not server.log_contains("is to be replaced"):
        assert server.request("/").text in old
    gate.wait_reached()
    assert {server.request("/").text for _ in range(20)} <= old
    assert len(server.log.find_all("spawned worker")) == 3
    shut.unlink()
    gate.open()
    server.wait_for_log(r"exited with status 0", after=mark)
    wait_until(lambda: server.request("/").text not in old, "the successor to serve")


def test_a_successor_that_fails_leaves_the_old_one_serving(serve, tmp_path):
    server = serve("--max-requests", "1", workers=1)
    pid = server.worker_pids()[0]
    (tmp_path / "shop.py").write_text("raise ValueError('unfinished')")
    assert server.request("/").text == str(pid)
    server.wait_for_log(rf"worker 1 \(pid: {pid}\) serves on, for its successor has failed: next attempt in 1 s")
    assert server.request("/").text == str(pid)
    (tmp_path / "shop.py").write_text(APPLICATION.format(before=""))
    wait_until(lambda: server.request("/").text != str(pid), "the successor")


def test_requests_that_have_begun_are_finished(serve, gate):
    server = serve("--max-requests", "2", "--threads", "2", workers=1)
    with server.connect() as connection:
        connection.send(make_request(f"/gated?{gate.path}"))
        gate.wait_reached()
        for _ in range(2):
            server.request("/")
        server.wait_for_log(SPAWNED.pattern, count=2)
        old, new = server.log.find_all(SPAWNED.pattern)[:2]
        wait_until(lambda: server.request("/").text == new["pid"], "the successor to serve")
        gate.open()
        assert connection.read_response().text == old["pid"]


def test_for_memory(serve, is_sanitized):
    if is_sanitized:
        pytest.skip("sanitizers use memory of their own")
    server = serve("--max-worker-rss", "100m", workers=1)
    pid = server.request("/").text
    for _ in range(3):
        server.request("/hoard")
    wait_until(lambda: server.request("/").text != pid, "a worker with less memory")
    server.wait_for_log(r"worker 1 .* is to be replaced \(rss\)")


@pytest.mark.parametrize("options", [["--max-requests", "1"], ["--max-worker-rss", "60m"]], ids=["requests", "memory"])
@pytest.mark.parametrize("is_reloaded", [False, True], ids=["start", "reload"])
def test_what_it_has_reached_while_it_warmed_up(serve, is_sanitized, options, is_reloaded):
    """It asks once, when nobody could take its place yet."""
    if is_sanitized:
        pytest.skip("sanitizers use memory of their own")
    server = serve("--warmup", "/hoard", *options, workers=1)
    if is_reloaded:
        mark = server.log.mark()
        server.send_signal(signal.SIGHUP)
        server.wait_for_log("reload done", after=mark)
    server.log.wait_for(SPAWNED.pattern, count=server.log.text.count("spawned worker") + 2)


def test_a_limit_that_leaves_no_room_is_told(serve, is_sanitized):
    """One worker after the other would be replaced, and every line about it be one of level info."""
    if is_sanitized:
        pytest.skip("sanitizers use memory of their own")
    server = serve("--max-worker-rss", "1m", workers=1)
    server.request("/")
    line = server.wait_for_log(r"\[warning\] worker 1: this worker has [0-9.]+ MiB in memory after its first request").string
    assert "more than --max-worker-rss: so will each that replaces it; raise the limit" in line


def test_for_age(serve):
    """Also when no request comes."""
    server = serve("--max-worker-age", "1s")
    with Load(server.port) as load:
        server.wait_for_log(r"is to be replaced \(age\)", count=4)
    assert not load.errors
    server.wait_for_log(r"is to be replaced \(age\)", count=6)


def test_one_more_and_one_less(serve):
    server = serve()
    with Load(server.port) as load:
        server.send_signal(signal.SIGTTIN)
        server.wait_for_log(r"spawned worker 3 ")
        mark = server.log.mark()
        server.send_signal(signal.SIGHUP)
        server.wait_for_log(r"generation 2 serves with 3 workers", after=mark)
        wait_workers(server, 3)
        for count in (2, 1):
            server.send_signal(signal.SIGTTOU)
            server.wait_for_log(f"one worker less: {count}", after=mark)
            wait_workers(server, count)
        server.send_signal(signal.SIGTTOU)
        server.wait_for_log("the only worker stays", after=mark)
        server.send_signal(signal.SIGTTIN)
        server.wait_for_log("one worker more: 2", after=mark)
        wait_workers(server, 2)
    assert not load.errors
    assert not server.log_contains(r"\[error\]")


@MODES
def test_the_application_sees_how_many_there_are(start, tmp_path, options):
    (tmp_path / "seen.py").write_text(SEEN)
    server = start("seen", "--pythonpath", tmp_path, *options, workers=1)
    assert server.request("/").text == "1 False"
    for count in (2, 3):
        server.send_signal(signal.SIGTTIN)
        server.wait_for_log(rf"^worker {count} of {count}$")
        assert server.request("/").text == f"{count} True"
    mark = server.log.mark()
    server.send_signal(signal.SIGTTOU)
    server.wait_for_log("one worker less: 2", after=mark)
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(r"generation 2 serves with 2 workers", after=mark)
    assert server.request("/").text == "2 True"
    server.send_signal(signal.SIGTTOU)
    server.wait_for_log(r"one worker less: 1", after=mark)
    wait_until(lambda: server.request("/").text == "1 False", "one worker to be left")


def test_there_is_a_most(serve):
    server = serve(workers=1)
    for count in range(2, 18):
        server.send_signal(signal.SIGTTIN)
        server.wait_for_log(rf"one worker more: {count}$")
    server.send_signal(signal.SIGTTIN)
    server.wait_for_log(r"no room for a worker more than 17: more need another start with a higher --workers")
    wait_workers(server, 17)
    assert server.request("/").status == 200


def test_a_worker_that_ends_itself_is_not_replaced_without_pause(serve, gate):
    """As soon as it is ready. The master is stopped meanwhile, so that to it no time lies in between."""
    server = serve(workers=1, before=f"open('{gate.path}').read()", ready=False)
    for number in (1, 2):
        server.wait_for_log(SPAWNED.pattern, count=number)
        mark = server.log.mark()
        gate.wait_reached()
        wait_calm([server.pid])
        with stopped(server.pid):
            gate.open()
            server.wait_for_log("application shop ready", after=mark)
            wait_calm(server.worker_pids())  # and has told the master
            pid = server.kill_worker(number=signal.SIGTERM)
            processes.wait_gone([pid], "the worker")
        server.wait_for_log("exited with status 0", after=mark)
        if number == 2:
            server.wait_for_log(r"worker 1: next attempt in 0\.5 s", after=mark)
    server.wait_for_log(SPAWNED.pattern, count=3)
    assert len(server.log.find_all("next attempt")) == 1
    gate.open()
    assert server.request("/").text == str(server.worker_pids()[0])
