# SPDX-License-Identifier: MIT
"""The GIL is held only inside Python: background threads and signal handlers of the application run while the worker
waits."""

from __future__ import annotations

import signal
import time

from support import processes
from support.client import make_request
from support.kernel import wait_calm
from support.server import BEHAVIOUR, PYAPPS

# The ticker counts every 5 ms: 200 times a second, on a machine that has time for it. A worker that holds the GIL while
# it waits lets it count once or twice, however long it waits.
WATCH_S = [0.5, 2, 8, 30]
LEAST_TICKS = 25


def ticks_between(server, action, watch_s: float) -> int:
    first, _ = server.request("/ticker/").json()
    action(watch_s)
    last, _ = server.request("/ticker/").json()
    return last - first


def check_ticks(server, action) -> None:
    """The ticker counts while `action` makes the worker wait for so many seconds."""
    assert any(ticks_between(server, action, watch_s) > LEAST_TICKS for watch_s in WATCH_S)


def test_background_thread_runs_while_the_worker_is_idle(behaviours):
    check_ticks(behaviours, time.sleep)


def test_background_thread_runs_while_a_client_is_slow_to_send(behaviours):
    def send_slowly(watch_s):
        with behaviours.connect() as connection:
            connection.send(make_request("/echo_body/raw", "POST", headers=[("Content-Length", "5")]))
            assert connection.is_silent(watch_s)
            connection.send(b"hello")
            assert connection.read_response().body == b"hello"

    check_ticks(behaviours, send_slowly)


def test_background_thread_runs_while_a_client_is_slow_to_receive(behaviours):
    def receive_slowly(watch_s):
        with behaviours.connect() as connection:
            connection.send(make_request("/big_body/list?size=30000000"))
            connection.read_head()
            time.sleep(watch_s)
            assert len(connection.read_bytes(30_000_000)) == 30_000_000

    check_ticks(behaviours, receive_slowly)


def test_an_idle_worker_uses_no_cpu(start):
    """No polling: neither for signals nor for anything else."""
    server = start("router", "--pythonpath", BEHAVIOUR)
    assert server.request("/blocks/list-of-one").status == 200
    pids = [server.pid, *server.worker_pids()]
    wait_calm(pids)
    before = sum(processes.cpu_seconds(pid) for pid in pids)
    time.sleep(1)
    assert sum(processes.cpu_seconds(pid) for pid in pids) - before <= 0.05


def test_signal_handlers_of_the_application_run_while_idle(start):
    server = start("signals", "--pythonpath", BEHAVIOUR)
    for count in (1, 2):
        server.kill_worker(number=signal.SIGWINCH)
        server.out.wait_for(rf"handler of SIGWINCH ran {count} times, main thread: True")
    assert server.request("/").json() == {"SIGWINCH": 2, "SIGALRM": 0}


def test_timers_of_the_application_run_while_idle(start):
    server = start("signals", "--pythonpath", BEHAVIOUR)
    assert server.request("/arm?ms=50").status == 200
    server.out.wait_for(r"handler of SIGALRM ran 1 times, main thread: True")


def test_the_application_runs_on_the_main_thread_one_request_at_a_time(behaviours):
    connections = [behaviours.connect() for _ in range(6)]
    for connection in connections:
        connection.send(make_request("/threads/?ms=20"))
    reports = [connection.read_response().json() for connection in connections]
    assert all(report["is_main"] for report in reports)
    assert {report["most_inside"] for report in reports} == {1}


def test_gil_app_shows_the_process(start):
    server = start(PYAPPS / "gil.py", workers=2)
    report = server.request("/?spin=200").json()
    assert report["pid"] in server.worker_pids()
    assert report["worker"] == server.worker_pids().index(report["pid"]) + 1
    assert report["server"].startswith("clutch/")
    assert report["interpreter_id"] == 0 and report["gil_enabled"] is True
    assert report["switch_interval_s"] == 0.005
    assert report["is_main_thread"] and report["thread"]["native_id"] == report["pid"]
    assert [thread["name"] for thread in report["threads"]] == ["MainThread"]
    assert (report["multithread"], report["multiprocess"]) == (False, True)
    assert report["spin_ms"] == 200 and report["spin_rounds"] > 0
    for key in ("queue_us", "gil_wait_us"):
        assert isinstance(report[key], int) and report[key] >= 0


def test_waiting_for_the_gil_is_measured(start, tmp_path):
    """A background thread that computes holds the GIL for its switch interval; the request that waits for it says
    so."""
    app = tmp_path / "spinner.py"
    app.write_text(
        "import threading\n"
        "def spin():\n"
        "    while True: pass\n"
        "threading.Thread(target=spin, daemon=True).start()\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [str(environ['clutch.gil_wait_us']).encode()]\n"
    )
    server = start(app)
    # A machine that is busy lets the thread sleep for a while: then nobody has the GIL.
    waits = (int(server.request("/").body) for _ in range(5000))
    assert any(wait >= 1000 for wait in waits)
