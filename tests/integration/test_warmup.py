# SPDX-License-Identifier: MIT
"""--warmup: a worker has answered these requests itself before it serves."""

from __future__ import annotations

import signal

import pytest

from support.client import make_request
from support.server import run_clutch
from support.waiting import wait_until

APPLICATION = """
import clutch, os
seen = []
def application(environ, start_response):
    path = environ["PATH_INFO"]
    seen.append((path, environ["HTTP_USER_AGENT"] if "HTTP_USER_AGENT" in environ else "", environ["REMOTE_ADDR"]))
    if path == "/gate":
        open(environ["QUERY_STRING"]).read()
    status = {status!r} if path == "/fails" else "200 OK"
    start_response(status, [("Content-Type", "text/plain")])
    return [repr(seen[:3]).encode()]
"""


@pytest.fixture
def write(tmp_path):
    def write_application(status: str = "503 Service Unavailable") -> None:
        (tmp_path / "shop.py").write_text(APPLICATION.format(status=status))

    return write_application


@pytest.fixture
def serve(start, write, tmp_path):
    """serve(*options, status=..., ...): starts the application, whose /fails has that status."""

    def start_application(*options, status: str = "503 Service Unavailable", **keywords):
        write(status)
        return start("shop", "--pythonpath", tmp_path, *options, **keywords)

    return start_application


@pytest.mark.parametrize("options", [[], ["--preload"], ["--threads", "4"], ["--proxy-protocol"]], ids=" ".join)
def test_the_first_requests_are_its_own(serve, options):
    server = serve("--warmup", "/first?x=1", "--warmup", "/fails", "--access-logfile", "-", *options, status="404 No")
    greeting = b"PROXY UNKNOWN\r\n" if "--proxy-protocol" in options else b""
    with server.connect() as connection:
        connection.send(greeting + make_request("/client"))
        text = connection.read_response().text
    assert text == "[('/first', 'clutch-warmup', ''), ('/fails', 'clutch-warmup', ''), ('/client', '', '127.0.0.1')]"
    assert server.out.wait_for("GET /first\\?x=1 HTTP/1.1.* 200 ")
    assert server.out.wait_for("GET /fails HTTP/1.1.* 404 ")


def test_it_serves_nobody_before(serve, gate):
    server = serve("--warmup", f"/gate?{gate.path}", ready=False)
    gate.wait_reached()
    with server.connect() as connection:
        connection.send(make_request("/client"))
        assert connection.is_silent(0.3) and not server.log_contains("ready: 1 worker")
        gate.open()
        assert "'/client'" in connection.read_response().text


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["lazy", "preload"])
def test_a_failure_stops_the_start(write, tmp_path, options):
    write()
    arguments = ["-b", "127.0.0.1:0", "-w", "2", "--pythonpath", tmp_path, "--warmup", "/fails", *options, "shop"]
    result = run_clutch(*arguments)
    assert result.returncode == 3
    assert "worker 1: --warmup /fails: the answer has the status 503" in result.stderr
    assert "giving up; the reasons are above" in result.stderr


def test_a_failure_ends_a_reload(serve, write):
    server = serve("--warmup", "/fails", "--warmup", "/second", status="200 OK", workers=2)
    write()
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(r"worker \d: --warmup /fails: the answer has the status 503")
    server.wait_for_log(r"reload failed: worker \d .* did not become ready: .*generation 1 serves on")
    assert server.request("/").status == 200
    write("200 OK")
    mark = server.log.mark()
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(r"reload done", after=mark)
    wait_until(lambda: server.request("/fails").status == 200, "the new generation")


def test_no_answer_in_time(serve, gate, write):
    server = serve("--warmup", f"/gate?{gate.path}", "--boot-timeout", "10s", ready=False)
    gate.open()
    server.wait_ready()
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(r"reload failed: worker 1 .* within --boot-timeout; generation 1 serves on")
    assert server.request("/").status == 200


def test_what_is_no_path(tmp_path):
    result = run_clutch("--warmup", "health", "--warmup", "/a b", "--warmup", "/ok", "shop")
    assert result.returncode == 2
    assert "--warmup: 'health' is not a path such as /health?full=1" in result.stderr
    assert "'/a b'" in result.stderr and "'/ok'" not in result.stderr
