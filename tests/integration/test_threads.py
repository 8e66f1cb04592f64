# SPDX-License-Identifier: MIT
"""--threads: as many requests at once, each on a thread of its own, and what the log, the application and its children
see of them."""

from __future__ import annotations

import re
import signal

import pytest

from support.client import make_request
from support.crew import nobody_answers
from support.server import BEHAVIOUR

# Answers when as many requests run at once as there are threads: each of them must be on one of its own.
TOGETHER = """
import json, os, subprocess, sys, threading

barrier = threading.Barrier(THREADS, timeout=60)

def end_child():
    child = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"],
                             stdout=subprocess.PIPE)
    with child:
        child.stdout.readline()
        child.terminate()
        return child.wait(30)

def application(environ, start_response):
    barrier.wait()
    thread = threading.current_thread()
    report = {
        "pid": os.getpid(),
        "native_id": threading.get_native_id(),
        "name": thread.name,
        "is_main": thread is threading.main_thread(),
        "multithread": environ["wsgi.multithread"],
    }
    if environ["QUERY_STRING"] == "child":
        report["child_status"] = end_child()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(report).encode()]
"""


@pytest.fixture
def start_together(start, tmp_path):
    """start_together(threads, *options): a worker of so many threads whose application runs on all of them or none."""

    def start_one(threads: int, *options):
        app = tmp_path / "together.py"
        app.write_text(TOGETHER.replace("THREADS", str(threads)))
        return start(app, "--threads", threads, *options)

    return start_one


def ask_together(server, threads: int, target: str = "/") -> list[dict]:
    """Makes as many requests at once; returns what the threads say of themselves."""
    connections = [server.connect() for _ in range(threads)]
    for connection in connections:
        connection.send(make_request(target))
    return [connection.read_response().json() for connection in connections]


@pytest.mark.parametrize("options", [[], ["--preload"]])
def test_each_request_has_a_thread_of_its_own(start_together, options):
    server = start_together(3, *options)
    for _ in range(3):
        reports = ask_together(server, 3)
        assert {report["name"] for report in reports} == {"MainThread", "clutch-app-1", "clutch-app-2"}
        assert len({report["native_id"] for report in reports}) == 3
        assert [report["native_id"] for report in reports if report["is_main"]] == server.worker_pids()
        assert {report["pid"] for report in reports} == set(server.worker_pids())
        assert all(report["multithread"] for report in reports)


def test_one_thread_is_the_main_thread(start_together):
    (report,) = ask_together(start_together(1), 1)
    assert report["is_main"] and not report["multithread"]


def test_no_more_requests_run_at_once_than_there_are_threads(start_crew):
    crew = start_crew("--threads", "3", workers=1)
    held = crew.hold_all(3)
    late = crew.server.connect()
    crew.send(late, "late")
    assert nobody_answers([late])
    assert held.pop().finish().status == 200
    crew.check_answer(late, "late")
    for one in held:
        assert one.finish().status == 200


def test_the_log_names_the_threads(start):
    server = start("ignore_body", "--pythonpath", BEHAVIOUR, "--threads", "3", workers=2)
    assert server.log_contains(r"mode: 2 workers x 3 threads, each worker with its own interpreter and GIL; ")
    assert server.log_contains(r"spawned worker 2 \(pid: \d+, cores: 3\)")


def test_the_access_log_names_the_core(start_together):
    server = start_together(3, "--access-logfile", "-", "--access-logformat", "uwsgi")
    ask_together(server, 3)
    lines = server.out.wait_for(r"^\[pid: .* on core \d+\)$", count=3)
    assert sorted(int(re.search(r"on core (\d+)", match.string)[1]) for match in lines) == [0, 1, 2]


def test_a_format_of_ones_own_names_the_thread(start_together):
    server = start_together(3, "--access-logfile", "-", "--access-logformat", "%(worker)s/%(thread)s")
    ask_together(server, 3)
    lines = server.out.wait_for(r"^1/\d+$", count=3)
    assert sorted(match.string for match in lines) == ["1/0", "1/1", "1/2"]


def test_children_of_app_threads_end_when_they_are_told(start_together):
    """A child has the signal mask of the thread that starts it."""
    reports = ask_together(start_together(3), 3, "/?child")
    assert [report["child_status"] for report in reports] == [-signal.SIGTERM] * 3


def test_a_stop_waits_for_the_requests_of_all_threads(start_crew):
    crew = start_crew("--threads", "3", workers=1)
    held = crew.hold_all(3)
    crew.server.send_signal(signal.SIGTERM)
    crew.server.wait_for_log("stopping: SIGTERM")
    for one in held:
        assert one.finish().status == 200
    assert crew.server.wait_exit() == 0
    assert not crew.server.log_contains(r"\[(error|critical)\]|killed")


def test_a_death_names_every_request(start_crew):
    crew = start_crew("--threads", "10", workers=1)
    held = crew.hold_all(10)
    server = crew.server
    pid = server.kill_worker()
    start = rf"\[error\] master: worker 1 \(pid: {pid}\) "
    server.wait_for_log(start + r"was killed by signal 9 \(SIGKILL\), age \d+\.\d s, while running 10 requests$")
    server.wait_for_log(start + r"was running 2 more$")
    lines = server.log.find_all(start + r'was running "GET /ledger/\?id=(held-\d+)&[^"]*" of (\S+) for \d+\.\d s, [a-zA-Z ]+$')
    addresses = {one.name: one.connection.local_address for one in held}
    assert len({match[1] for match in lines}) == 8
    assert all(addresses[match[1]] == match[2] for match in lines)


def test_a_quick_stop_names_every_request(start_crew):
    crew = start_crew("--threads", "2", workers=1)
    crew.hold_all(2)
    crew.server.send_signal(signal.SIGQUIT)
    crew.server.wait_exit()
    assert crew.server.log_contains(r"\[warning\] master: worker 1 \(pid: \d+\) is killed while running 2 requests$")
    lines = crew.server.log.find_all(r"\[warning\] master: .* was running .* of 127\.0\.0\.1:\d+ for \d+\.\d s, [a-zA-Z ]+$")
    assert len(lines) == 2


# Holds its requests until a file is there, and runs bytecode meanwhile: a handler that Python has noted has its chance.
SIGNALS = """
import os, signal, threading, time

count = 0

def on_signal(number, frame):
    global count
    count += 1
    main = threading.current_thread() is threading.main_thread()
    os.write(1, f"handler ran {count} times, main thread: {main}\\n".encode())

signal.signal(signal.SIGWINCH, on_signal)

def application(environ, start_response):
    os.write(1, b"held\\n")
    while not os.path.exists(environ["QUERY_STRING"]):
        time.sleep(0.005)
    start_response("200 OK", [])
    return [threading.current_thread().name.encode()]
"""


def test_signal_handlers_run_whichever_threads_are_busy(start, tmp_path):
    """The main thread may be in the application, drive the loop, or wait until it is called."""
    app, end = tmp_path / "handlers.py", tmp_path / "end"
    app.write_text(SIGNALS)
    server = start(app, "--threads", "3")
    connections = []
    for count in range(1, 5):
        server.kill_worker(number=signal.SIGWINCH)
        server.out.wait_for(rf"handler ran {count} times, main thread: True")
        if count < 4:
            connections.append(server.connect())
            connections[-1].send(make_request(f"/?{end}"))
            server.out.wait_for("^held$", count=count)
    end.touch()
    names = {connection.read_response().body for connection in connections}
    assert names == {b"MainThread", b"clutch-app-1", b"clutch-app-2"}


def test_more_threads_than_the_system_gives_stop_the_start(start, is_sanitized):
    if is_sanitized:
        pytest.skip("sanitizers need more address space than this test leaves")
    options = ["--pythonpath", BEHAVIOUR, "--threads", "1024"]
    server = start("ignore_body", *options, prefix=("prlimit", "--as=1500000000"), ready=False)
    assert server.wait_exit() != 0
    assert server.log_contains(r"\[error\] worker 1: cannot start app thread \d+ of 1024 \(--threads\): ")


def test_more_shared_memory_than_the_system_gives_stops_the_start(start, is_sanitized):
    if is_sanitized:
        pytest.skip("sanitizers need more address space than this test leaves")
    options = ["--pythonpath", BEHAVIOUR, "--threads", "1024"]
    server = start("ignore_body", *options, workers=1024, prefix=("prlimit", "--as=150000000"), ready=False)
    assert server.wait_exit() == 1
    assert server.log_contains(r"\[critical\] master: cannot set up what 1024 workers with 1024 threads each are to ")
