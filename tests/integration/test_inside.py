# SPDX-License-Identifier: MIT
"""`import clutch`: who this process is, the hooks of its life, the timings of a request, early hints."""

from __future__ import annotations

import re
import time

import pytest

from support.client import make_request
from support.server import BEHAVIOUR, run_clutch
from support.waiting import wait_until


def hooks_of(server, worker: int) -> list[str]:
    return [match[1] for match in server.out.find_all(rf"^hook (\S+) worker={worker} thread=MainThread$")]


@pytest.fixture
def start_inside(start):
    def start_one(*options, **keywords):
        return start("inside", "--pythonpath", BEHAVIOUR, *options, **keywords)

    return start_one


@pytest.fixture(scope="module")
def server(start_module):
    return start_module("inside", "--pythonpath", BEHAVIOUR, "--threads", "2")


class TestPlace:
    def test_in_a_worker(self, server):
        report = server.request("/").json()
        assert report["pid"] in server.worker_pids()
        assert (report["worker"], report["is_worker"], report["generation"]) == (1, True, 1)
        assert (report["workers"], report["threads"]) == (1, 2)
        assert report["version"] in run_clutch("--version").stdout
        assert report["at_import"] == {"worker": 1, "is_worker": True, "pid": report["pid"]}

    def test_where_preload_loads(self, start_inside):
        report = start_inside("--preload").request("/").json()
        assert (report["worker"], report["is_worker"]) == (1, True)
        assert (report["at_import"]["worker"], report["at_import"]["is_worker"]) == (0, False)


    @pytest.mark.parametrize("name", ["clutch", "clutch:app", "clutch.web:app"])
    def test_the_applications_own_module_of_this_name(self, name, tmp_path):
        """It could not be imported. Its file can be named."""
        (tmp_path / "clutch.py").write_text("def app(environ, start_response): pass\n")
        result = run_clutch(name, cwd=tmp_path)
        assert result.returncode == 2
        assert f"application '{name}': the module 'clutch' is the server's own" in result.stderr
        assert run_clutch("--check-config", "./clutch.py", cwd=tmp_path).returncode == 0
        (tmp_path / "clutchlike.py").write_text("def app(environ, start_response): pass\n")
        assert run_clutch("--check-config", "clutchlike", cwd=tmp_path).returncode == 0


class TestHooks:
    def test_order(self, start_inside):
        server = start_inside(workers=2)
        for worker in (1, 2):
            wait_until(lambda worker=worker: "ready" in hooks_of(server, worker), "on_ready")
        assert server.stop() == 0
        for worker in (1, 2):
            assert hooks_of(server, worker) == ["start-first", "start-second", "ready", "stop-second", "stop-first"]
        assert hooks_of(server, 0) == []

    def test_order_with_preload(self, start_inside):
        server = start_inside("--preload", workers=2)
        assert server.stop() == 0
        for worker in (1, 2):
            assert hooks_of(server, worker)[:3] == ["after-fork", "start-first", "start-second"]
            assert hooks_of(server, worker)[-2:] == ["stop-second", "stop-first"]
        assert hooks_of(server, 0) == ["before-fork"] * 2

    def test_a_replacement_has_them_too(self, start_inside):
        server = start_inside()
        server.request("/")
        server.kill_worker()
        wait_until(lambda: hooks_of(server, 1).count("ready") == 2, "the replacement")
        assert hooks_of(server, 1) == ["start-first", "start-second", "ready"] * 2, "none for the one that was killed"

    @pytest.mark.parametrize(
        "name, options", [("start-first", ()), ("start-first", ("--preload",)), ("after-fork", ("--preload",))]
    )
    def test_failure_of_a_start(self, start_inside, name, options):
        server = start_inside(*options, ready=False, environment={"FAIL": name})
        assert server.wait_exit() == 3
        function = name.replace("-first", "_first").replace("-", "_")
        assert server.log_contains(rf"@clutch\.\w+: {function} failed, so the worker does not start: RuntimeError: {name}")
        assert "Traceback (most recent call last):" in server.log.text
        assert not server.out.find("hook start-second") and not server.out.find("hook ready")

    def test_failure_when_ready_and_at_the_stop(self, start_inside):
        for name in ("ready", "stop-second"):
            server = start_inside(environment={"FAIL": name})
            assert server.request("/").status == 200
            assert server.stop() == 0
            assert server.log_contains(rf"@clutch\.\w+: \w+ failed: RuntimeError: {name} was told to fail")
            assert hooks_of(server, 1)[-1] == "stop-first"

    def test_failure_before_a_fork(self, start_inside):
        server = start_inside("--preload", environment={"FAIL": "before-fork"})
        assert server.log_contains(r"zygote: @clutch\.before_fork: before_fork failed: RuntimeError")
        assert server.request("/").status == 200

    def test_too_late(self, server):
        assert server.request("/late").json() == "registered"
        server.wait_for_log(r"warning.*@clutch\.on_ready: late_hook was registered when .* it will not be called")

    def test_none_when_the_configuration_is_checked(self):
        result = run_clutch("--check-config", "--pythonpath", BEHAVIOUR, "inside")
        assert result.returncode == 0, result.stderr
        assert "hook" not in result.stdout


class TestTimings:
    def test_in_a_request(self, server):
        begun_s = time.monotonic()
        timings = server.request("/timings").json()
        whole_s = time.monotonic() - begun_s
        assert 0.02 <= timings["app"] <= whole_s and 0 <= timings["queue"] <= whole_s
        assert 0 <= timings["gil_wait"] <= whole_s and timings["write"] == 0

    def test_in_a_thread_without_a_request(self, server):
        said = server.request("/thread").json()
        assert len(said) == 2 and all("by a thread that runs no request" in text for text in said)


class TestEarlyHints:
    def test_before_the_response(self, server):
        with server.connect() as connection:
            connection.send(make_request("/hint"))
            assert connection.read_until(b"\r\n\r\n") == (
                b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\nX-More: 1\r\n\r\n"
            )
            assert connection.read_response().body == b"True"
            assert connection.request("/timings").status == 200, "the connection goes on"

    def test_twice(self, server):
        with server.connect() as connection:
            connection.send(make_request("/hint?twice"))
            assert b"</one>" in connection.read_until(b"\r\n\r\n")
            assert b"</two>" in connection.read_until(b"\r\n\r\n")
            assert connection.read_response().body == b"True"

    def test_while_the_head_waits(self, server):
        """start_response() sends nothing yet."""
        with server.connect() as connection:
            connection.send(make_request("/hint?started"))
            assert b"103 Early Hints\r\nLink: </started>" in connection.read_until(b"\r\n\r\n")
            response = connection.read_response()
            assert response.body == b"True" and response.header("link") is None

    @pytest.mark.parametrize("target, version, body", [("?late", "1.1", b"first False"), ("", "1.0", b"False"),
                                                       ("?none", "1.1", b"False")])
    def test_nobody_to_send_them_to(self, server, target, version, body):
        with server.connect() as connection:
            response = connection.request(f"/hint{target}", version=version)
        assert (response.status, response.body) == (200, body)

    @pytest.mark.parametrize(
        "what, text",
        [
            ("length", "ValueError: response header 'Content-Length' is the server's to set"),
            ("hop", "ValueError: response header 'Connection' is the server's to set"),
            ("value", "ValueError: response header 'Link': its value .* has a control character"),
            ("type", "TypeError: response header 'Link': its value must be a str, not int"),
        ],
    )
    def test_mistakes(self, server, what, text):
        """Nothing is sent of them."""
        response = server.request(f"/hint?{what}")
        assert response.status == 200 and re.match(text, response.text)
