# SPDX-License-Identifier: MIT
"""--request-timeout: the client is answered at once by C, the log has the stack, the application an exception, and a
worker whose request does not end is replaced."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from support.client import make_request
from support.kernel import stopped
from support.monitor import ANY_PORT, Monitor
from support.server import BEHAVIOUR
from support.waiting import wait_until

TIMEOUT = "500ms"
OWN = r"^    +File .*stuck\.py\", line \d+ in "
HEADING = "the stacks of this worker's Python threads:"
MODES = pytest.mark.parametrize("mode", [(), ("--preload",), ("--sandbox=best-effort",)], ids=["plain", "preload", "sandbox"])


@pytest.fixture
def start_limited(start):
    def start_one(*options, grace="30s", timeout=TIMEOUT, **keywords):
        limits = ["--request-timeout", timeout, "--request-timeout-grace", grace, "--graceful-timeout", "10s"]
        server = start("stuck", "--pythonpath", BEHAVIOUR, *limits, "--access-logfile", "-", *options, **keywords)
        server.descriptors_at_start = {}  # the watchdog's thread may come, and a stuck request keeps its connection
        return server

    return start_one


def assert_told(server, way: str) -> None:
    server.log.wait_for(
        rf'\[error\] worker 1: thread \d \(0x[0-9a-f]+\) has run "GET /{way}\S*" of 127\.0\.0\.1:\d+ for \d+\.\d s '
        r"\(--request-timeout\), in the application: answered with 504"
    )
    server.log.wait_for(HEADING)
    server.log.wait_for(OWN + way)


def assert_504(response) -> None:
    assert (response.status, response.body) == (504, b"the application took longer than request-timeout\n")
    assert response.says_close


class TestInterrupted:
    """Python lets go: the worker goes on with the next request."""

    @MODES
    @pytest.mark.parametrize("way", ["sleep", "spin", "wait", "match", "clean", "swallow", "exception"])
    def test_one(self, start_limited, way, mode):
        server = start_limited(*mode)
        with server.connect() as connection:
            assert_504(connection.request(f"/{way}"))
            assert connection.read_to_end() == b""
        assert_told(server, way)
        server.log.wait_for(r"worker 1: thread 1 has ended the request \d+\.\d s after its timeout")
        assert server.request("/").body == b"done\n"
        server.out.wait_for(f'"GET /{way} HTTP/1\\.1" 504 ')
        server.out.wait_for(r'"GET / HTTP/1\.1" 200 ')
        assert server.out.text.count(f'"GET /{way} HTTP/1.1" 504 ') == 1
        assert server.log.text.count("spawned worker") == 1
        assert "Traceback" not in server.log.text
        assert "exception: caught" not in server.out.text
        if way in ("clean", "swallow"):
            server.out.wait_for(f"^{way}: caught")

    def test_while_the_server_asks_how_long_a_response_is(self, start_limited):
        server = start_limited()
        assert_504(server.request("/measured"))
        server.log.wait_for("has ended the request")
        assert "measured: goes on" not in server.out.text
        assert "Traceback" not in server.log.text

    def test_while_the_server_looks_at_a_file(self, start_limited):
        server = start_limited()
        assert_504(server.request("/reads"))
        server.log.wait_for("has ended the request")
        assert "Traceback" not in server.log.text
        assert server.request("/").body == b"done\n"

    def test_in_close_behind_an_error(self, start_limited):
        server = start_limited()
        assert_504(server.request("/broken"))
        server.log.wait_for("has ended the request")
        assert server.log.text.count("Traceback") == server.log.text.count("ValueError: broken\n    Traceback") == 1
        assert server.request("/").body == b"done\n"

    def test_in_a_finalizer(self, start_limited):
        """Python says so in the application's name, and goes on; here to the end of the request."""
        server = start_limited()
        assert_504(server.request("/final"))
        server.out.wait_for("^final: goes on")
        server.log.wait_for("has ended the request")
        server.log.wait_for(r"Exception ignored .*Final\.__del__")
        assert server.request("/").body == b"done\n"
        assert server.log.text.count("spawned worker") == 1

    def test_the_next_requests_are_left_alone(self, start_limited):
        server = start_limited()
        for _ in range(3):
            assert_504(server.request("/sleep"))
            for _ in range(5):
                assert server.request("/sleep?seconds=0.05").body == b"done\n"
        server.log.wait_for("has ended the request", count=3)
        assert "Traceback" not in server.log.text

    def test_a_write_after_it_fails_quietly(self, start_limited):
        server = start_limited()
        assert_504(server.request("/write_on"))
        server.out.wait_for("^write_on: BrokenPipeError")
        assert server.request("/").body == b"done\n"

    def test_head_has_no_body(self, start_limited):
        server = start_limited()
        head, _, body = server.exchange(make_request("/sleep", "HEAD")).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 504 Gateway Timeout\r\n")
        assert body == b""

    def test_pipelined_followers_are_dropped(self, start_limited):
        """The connection closes with the 504: its client may repeat them."""
        server = start_limited()
        answer = server.exchange(make_request("/sleep") + make_request("/") + make_request("/"))
        assert answer.count(b"HTTP/1.1 ") == 1
        assert answer.startswith(b"HTTP/1.1 504 ")
        assert server.request("/").body == b"done\n"

    def test_a_client_that_has_gone(self, start_limited):
        server = start_limited()
        with server.connect() as connection:
            connection.send(make_request("/sleep"))
            server.out.wait_for("^sleep: entered")
        server.log.wait_for("has ended the request")
        assert server.request("/").body == b"done\n"

    def test_waiting_in_the_queue_does_not_count(self, start_limited):
        server = start_limited(timeout="2s")
        connections = [server.connect() for _ in range(4)]
        for connection in connections:
            connection.send(make_request("/sleep?seconds=0.8"))
        for connection in connections:
            assert connection.read_response().status == 200

    def test_a_signal_of_the_application_is_its_own(self, start_limited):
        server = start_limited("--preload")
        assert_504(server.request("/sleep"))
        server.log.wait_for("has ended the request")
        server.kill_worker(number=signal.SIGRTMIN + 9)
        assert server.request("/").body == b"done\n"


class TestCutOff:
    """The response had begun: no 504 can be sent, and what came must not look whole."""

    @pytest.mark.parametrize("way", ["stream", "stream?length", "closing"])
    def test_a_stream(self, start_limited, way):
        server = start_limited()
        with server.connect() as connection:
            connection.send(make_request(f"/{way}"))
            data = connection.read_to_end()
        assert data.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"first\n" in data
        assert b"504" not in data
        assert not data.endswith(b"0\r\n\r\n")
        server.log.wait_for("has run .*: its response is cut off")
        server.out.wait_for('"GET /(stream|closing).* 504 ')
        assert server.request("/").body == b"done\n"
        if way == "closing":
            server.out.wait_for("^closing: closed")

    def test_a_response_that_ends_with_the_connection(self, start_limited):
        server = start_limited()
        with server.connect() as connection:
            connection.send(make_request("/stream", version="1.0"))
            with pytest.raises(ConnectionResetError):
                while connection.socket.recv(65536):
                    pass


class TestSent:
    """All of the response had been sent: the connection goes on, and it counts as what it was."""

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("way", ["late", "late?length"])
    def test_one(self, start_limited, way, method):
        server = start_limited()
        with server.connect() as connection:
            response = connection.request(f"/{way}", method)
            assert (response.status, response.body) == (200, b"all of it\n" if method == "GET" else b"")
            assert connection.request("/").body == b"done\n"
        server.log.wait_for("has run .*: its response had been sent")
        server.out.wait_for(f'"{method} /{re.escape(way)} HTTP/1\\.1" 200 ')
        server.out.wait_for(r'"GET / HTTP/1\.1" 200 ')
        assert "Traceback" not in server.log.text, "it is the time limit's, not close()'s"
        assert server.out.text.count(f'"{method} /{way} HTTP/1.1" 200 ') == 1
        assert '" 504 ' not in server.out.text


class TestOtherThreads:
    def test_siblings_finish(self, start_limited):
        server = start_limited("--threads", "4", timeout="2s")
        slow = [server.connect() for _ in range(2)]
        for connection in slow:
            connection.send(make_request("/spin"))
        quick = [server.connect() for _ in range(2)]
        for connection in quick:
            connection.send(make_request("/sleep?seconds=0.5"))
        for connection in slow:
            assert_504(connection.read_response())
        for connection in quick:
            assert connection.read_response().body == b"done\n"
        server.log.wait_for("has ended the request", count=2)
        assert server.log.text.count("spawned worker") == 1
        assert "Traceback" not in server.log.text
        for _ in range(20):
            assert server.request("/").body == b"done\n"

    def test_a_request_that_waited_for_the_gil_is_not_run_any_more(self, start, tmp_path):
        """The main thread is busy, the other waits for the GIL while a thread of the application keeps it."""
        server = start(
            "holder", "--pythonpath", BEHAVIOUR, "--threads", "2", "--request-timeout", "1s",
            "--request-timeout-grace", "600s",
        )  # fmt: skip
        server.descriptors_at_start = {}
        fifo = tmp_path / "fifo"
        os.mkfifo(fifo)
        for connection in (server.connect(), server.connect()):
            connection.send(make_request("/park"))
        server.out.wait_for("^parked")
        assert server.request(f"/hold?fifo={fifo}").body == b"done\n"
        with fifo.open("r+b", buffering=0) as order:
            order.write(b"1")
            server.out.wait_for("^holding")
            mark = server.log.mark()
            assert_504(server.request("/enter"))
            server.log.wait_for(r'thread 2 .* has run "GET /enter" .* waiting for the GIL: answered with 504', after=mark)
            for _ in range(2):
                # The first to be shown now may be those of the timeout; after them the request is marked as one to be
                # interrupted, and then the next are looked for.
                mark = server.log.mark()
                server.kill_worker(number=signal.SIGRTMIN + 7)
                server.log.wait_for(HEADING, after=mark)
            order.write(b"2")
        server.log.wait_for(r"thread 2 has ended the request \d+\.\d s after its timeout")
        assert server.request("/release").body == b"done\n"
        server.log.wait_for("thread 1 has ended the request")
        assert server.out.find("^entered") is None
        assert "to be replaced" not in server.log.text

    def test_python_is_stuck(self, start_limited):
        """Some thread holds the GIL for good: all are answered nevertheless, and the worker is replaced."""
        server = start_limited("--threads", "2", grace="300ms")
        connections = [server.connect(), server.connect()]
        for connection in connections:
            connection.send(make_request("/add"))
        for connection in connections:
            assert_504(connection.read_response())
        server.wait_for_log(r"worker 1 \(pid: \d+\) does not end what has run for longer than --request-timeout: killed")
        server.log.wait_for("application stuck ready", count=2)
        assert server.request("/").body == b"done\n"


class TestReplaced:
    """Python does not let go, or the application does not care."""

    @pytest.mark.parametrize("way", ["add", "digest", "swallow_on", "final_on"])
    def test_one(self, start_limited, way):
        server = start_limited(grace="300ms")
        with server.connect() as connection:
            assert_504(connection.request(f"/{way}"))
        server.log.wait_for(
            rf'\[error\] worker 1: thread 1 has not ended "GET /{way}" of \S+ within 0\.3 s of its timeout '
            r"\(--request-timeout-grace\): this worker is to be replaced"
        )
        server.log.wait_for(
            rf"\[error\] master: worker 1 \(pid: \d+\) does not end what has run for longer than --request-timeout: "
            rf'killed, while running "GET /{way}"'
        )
        lines = server.log.text
        assert lines.rindex("spawned worker 1") < lines.index("does not end what"), "the successor comes first"
        assert server.request("/").body == b"done\n"
        assert server.log.text.count("has not ended") == 1

    def test_it_is_counted_and_logged_though_it_never_ends(self, start_limited):
        server = start_limited(*ANY_PORT, grace="300ms")
        monitor = Monitor(server)
        with stopped(server.master_pid), server.connect() as connection:  # which could put an end to the worker
            assert_504(connection.request("/swallow_on"))
            server.out.wait_for(r'"GET /swallow_on HTTP/1\.1" 504 ')
            figures = monitor.wait_for(lambda now: now.get("clutch_http_requests_total", status="5xx") == 1, "a 504 counted")
        assert figures.get("clutch_http_request_duration_seconds_count") == 1
        server.wait_for_log("does not end what has run for longer")
        assert server.request("/").body == b"done\n"
        figures = monitor.wait_for(lambda now: now.get("clutch_http_requests_total", status="2xx") == 1, "the next request")
        assert figures.get("clutch_http_requests_total", status="5xx") == 1
        assert server.out.text.count('"GET /swallow_on HTTP/1.1" 504 ') == 1

    def test_siblings_finish_first(self, start_limited):
        server = start_limited("--threads", "2", grace="200ms", timeout="3s")
        with server.connect() as stuck, server.connect() as sibling:
            with stopped(server.master_pid):
                stuck.send(make_request("/swallow_on"))
                assert_504(stuck.read_response())
                sibling.send(make_request("/sleep?seconds=1.5"))
                server.out.wait_for("^sleep: entered")
                server.log.wait_for("this worker is to be replaced")
            assert sibling.read_response().body == b"done\n"
        server.wait_for_log("does not end what has run for longer")
        assert server.request("/").body == b"done\n"

    def test_another_worker_serves_meanwhile(self, start_limited):
        server = start_limited(grace="200ms", workers=2)
        with server.connect() as connection:
            assert_504(connection.request("/swallow_on"))
        for _ in range(50):
            assert server.request("/").status == 200
        server.wait_for_log("does not end what has run for longer")
        server.log.wait_for("spawned worker", count=3)


def test_an_idle_server_does_not_wake_up(start_limited):
    """One last time, when the deadline of the last request would have been."""
    server = start_limited()
    assert server.request("/").status == 200
    pid = server.worker_pids()[0]

    def switches() -> int:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return sum(int(line.split()[1]) for line in status if "ctxt_switches" in line)

    def settled() -> bool:
        before = switches()
        time.sleep(1)
        return switches() == before

    wait_until(settled, "no wake-up for a second")


def test_off_by_default(start):
    server = start("stuck", "--pythonpath", BEHAVIOUR)
    assert server.request("/sleep?seconds=1").body == b"done\n"
    assert "--request-timeout" not in server.log.text
