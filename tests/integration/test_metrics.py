# SPDX-License-Identifier: MIT
"""/metrics: what Prometheus is told, of real traffic, in its own words."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import threading

import pytest

from support.client import make_request
from support.monitor import ANY_PORT, Monitor
from support.server import BEHAVIOUR, TREE, run_clutch
from support.users import only_root
from support.waiting import Gate, wait_until

ROUTER = ("router", "--pythonpath", BEHAVIOUR, *ANY_PORT)


@pytest.fixture
def server(start):
    return start(*ROUTER, "--threads", 2, workers=2)


@pytest.fixture
def monitor(server):
    return Monitor(server)


def wait_counted(monitor, count):
    """Requests are counted when their response has been sent: a client may have it before. Their duration comes last,
    and is looked at last: what goes before it may be missing in the figures that show it first, not in the next."""
    monitor.wait_for(lambda now: now.get("clutch_http_request_duration_seconds_count") == count, f"{count} requests")
    return monitor.figures()


def test_requests_are_counted(server, monitor):
    for target in ("/blocks/list-of-one", "/blocks/list-of-one", "/nothing", "/raises/at-once"):
        server.request(target)
    figures = wait_counted(monitor, 4)
    status = {label: figures.get("clutch_http_requests_total", status=label) for label in ("2xx", "4xx", "5xx", "499")}
    assert status == {"2xx": 2, "4xx": 1, "5xx": 1, "499": 0}
    assert figures.get("clutch_http_response_body_bytes_total") >= 2 * len("one")
    assert figures.get("clutch_connections_accepted_total") == 4
    assert figures.sum("clutch_worker_requests_total") == 4


def test_times_are_counted(server, monitor):
    server.request("/sleeper/?ms=30")
    server.request("/blocks/list-of-one")
    figures = wait_counted(monitor, 2)
    for time in ("queue", "gil_wait", "app", "write", "duration"):
        name = f"clutch_http_request_{time}_seconds"
        assert figures.get(f"{name}_count") == 2
        assert figures.get(f"{name}_bucket", le="+Inf") == 2
        bounds = [sample for sample in figures.families[name].samples if sample.name.endswith("_bucket")]
        assert [sample.value for sample in bounds] == sorted(sample.value for sample in bounds)
        edges = [float(sample.labels["le"]) for sample in bounds]
        assert edges == sorted(edges) and (edges[0], edges[-2]) == (0.001, 60)
    assert figures.get("clutch_http_request_app_seconds_bucket", le="0.025") < 2
    assert figures.get("clutch_http_request_app_seconds_bucket", le="60.0") == 2
    assert 0.03 <= figures.get("clutch_http_request_app_seconds_sum") < 30
    assert figures.sum("clutch_worker_busy_seconds_total") >= 0.03


def is_one_of_each(figures) -> bool:
    """One request is in the application, one connection waits for its next, and no other thread is busy any more."""
    return (
        figures.get("clutch_threads", phase="app") == 1
        and figures.get("clutch_threads_busy") == 1
        and figures.get("clutch_connections", state="running") == 1
        and figures.get("clutch_connections", state="idle") == 1
    )


def test_what_goes_on_now(server, monitor, gate):
    before = monitor.wait_for(lambda figures: figures.get("clutch_threads", phase="idle") == 4, "idle threads")
    assert before.get("clutch_threads_busy") == 0
    with server.connect() as running, server.connect() as idle:
        assert idle.request("/blocks/list-of-one").status == 200
        running.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        figures = monitor.wait_for(is_one_of_each, "a request that runs and an idle connection")
        busy = figures.sum("clutch_worker_busy_seconds_total")
        monitor.wait_for(lambda now: now.sum("clutch_worker_busy_seconds_total") > busy, "busy time that grows")
        gate.open()
        assert running.read_response().status == 200
    monitor.wait_for(lambda now: now.get("clutch_connections", state="idle") == 0, "connections to be gone")


def test_an_app_thread_that_waits_for_its_client(start):
    server = start(*ROUTER, "--response-memory", 0, "--response-file", 0)
    monitor = Monitor(server)
    with server.connect() as connection:
        connection.send(make_request("/endless/generator?size=100000"))
        monitor.wait_for(lambda now: now.get("clutch_threads", phase="write") == 1, "a thread that writes")
    monitor.wait_for(lambda now: now.get("clutch_threads", phase="idle") == 1, "an idle thread")


def test_app_threads_that_wait_for_the_gil(start, tmp_path):
    server = start(*ROUTER, "--threads", 2, "--debug-without", "gil-count")
    monitor = Monitor(server)
    flag = tmp_path / "flag"
    flag.write_bytes(bytes(8))
    with server.connect() as first, server.connect() as second:
        first.send(make_request(f"/hog/?flag={flag}"))
        wait_until(lambda: flag.read_bytes()[4:] != bytes(4), "the one that computes")
        second.send(make_request("/blocks/list-of-one"))
        monitor.wait_for(lambda now: now.get("clutch_threads", phase="gil") == 1, "a thread that waits for the GIL")
        assert monitor.figures().get("clutch_threads", phase="app") == 1
        with flag.open("r+b") as file:
            file.write(b"\1")
        assert (first.read_response().status, second.read_response().status) == (200, 200)
    wait_counted(monitor, 2)
    assert monitor.figures().get("clutch_http_request_gil_wait_seconds_sum") > 0


def test_a_client_that_is_slow_to_read(start):
    server = start(*ROUTER)
    monitor = Monitor(server)
    with server.connect() as connection:
        connection.send(make_request("/big_body/?size=20000000"))
        monitor.wait_for(lambda now: now.get("clutch_connections", state="writing") == 1, "a response in the queue")
    monitor.wait_for(lambda now: now.get("clutch_connections", state="writing") == 0, "its end")
    with server.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a")
        monitor.wait_for(lambda now: now.get("clutch_connections", state="reading") == 1, "half a head")
    monitor.wait_for(lambda now: now.get("clutch_connections", state="reading") == 0, "its end")


def test_the_queue(start_crew):
    crew = start_crew(*ANY_PORT, workers=1)
    monitor = Monitor(crew.server)
    held = crew.hold()
    waiting = crew.server.connect()
    crew.send_and_wait_read(waiting, "waits")
    monitor.wait_for(lambda figures: figures.get("clutch_queue_requests") == 1, "a request in the queue")
    assert held.finish().status == 200
    crew.check_answer(waiting, "waits")
    # Whoever has put it into the queue may come to count that after it has been answered.
    monitor.wait_for(lambda now: now.get("clutch_handoffs_total", direction="given") >= 1, "a request that was given")
    monitor.wait_for(lambda now: now.get("clutch_queue_requests") == 0, "an empty queue")
    figures = wait_counted(monitor, 2)
    assert figures.get("clutch_handoffs_total", direction="taken") >= 1
    assert figures.get("clutch_http_request_queue_seconds_count") == 2


def test_refusals_are_counted_by_reason(server, monitor):
    assert server.exchange(b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert monitor.figures().get("clutch_http_refusals_total", reason="host_missing") == 1


def test_nothing_is_lost_with_a_worker(server, monitor):
    for _ in range(6):
        server.request("/blocks/list-of-one")
    before = wait_counted(monitor, 6)
    for index in range(2):
        mark = server.log.mark()
        server.kill_worker(index)
        server.wait_for_log("was killed by signal 9", after=mark)
    monitor.wait_for(lambda now: now.get("clutch_worker_ends_total", cause="signal") == 2, "two ends")
    monitor.wait_for(lambda now: now.get("clutch_workers", state="ready") == 2, "two workers")
    server.request("/blocks/list-of-one")
    after = wait_counted(monitor, 7)
    assert after.get("clutch_http_requests_total", status="2xx") == 7
    for name in ("clutch_http_request_app_seconds_count", "clutch_connections_accepted_total"):
        assert after.get(name) == before.get(name) + 1


def test_nothing_is_lost_in_a_reload(server, monitor):
    for _ in range(4):
        server.request("/blocks/list-of-one")
    wait_counted(monitor, 4)
    server.send_signal(signal.SIGHUP)
    server.wait_for_log("reload done: generation 2")
    monitor.wait_for(lambda now: now.get("clutch_worker_ends_total", cause="reload") == 2, "two ends")
    figures = monitor.figures()
    assert figures.get("clutch_generation") == 2
    assert figures.sum("clutch_worker_generation") == 2 * 2
    assert figures.sum("clutch_worker_requests_total") == 4
    server.request("/blocks/list-of-one")
    wait_counted(monitor, 5)
    assert monitor.figures().get("clutch_workers", state="ready") == 2


def test_an_answer_of_the_server_is_counted_though_its_worker_is_killed(start):
    """A client has had 504 of a request that nothing can interrupt: the figures say so, and how long it took."""
    limits = ("--request-timeout", "300ms", "--request-timeout-grace", "100ms")
    server = start("stuck", "--pythonpath", BEHAVIOUR, *ANY_PORT, *limits)
    server.descriptors_at_start = {}
    monitor = Monitor(server)
    assert server.request("/add").status == 504
    monitor.wait_for(lambda now: now.get("clutch_worker_ends_total", cause="request_timeout") == 1, "the worker's end")
    figures = monitor.figures()
    assert figures.get("clutch_http_requests_total", status="5xx") == 1
    assert figures.get("clutch_http_request_duration_seconds_sum") >= 0.3
    busy = figures.sum("clutch_worker_busy_seconds_total")
    assert busy >= 0.4
    os.kill(monitor.pid, signal.SIGKILL)
    server.wait_for_log("spawned monitor", count=2)
    assert monitor.figures().sum("clutch_worker_busy_seconds_total") == busy


def test_causes_of_ends(start):
    server = start(*ROUTER)
    monitor = Monitor(server)
    for target, cause in (("/exits/process", "exit"), ("/exits/kill", "signal")):
        with server.connect() as connection:
            connection.send(make_request(target))
            monitor.wait_for(lambda now: now.get("clutch_worker_ends_total", cause=cause) == 1, f"an end by {cause}")
        monitor.wait_for(lambda now: now.get("clutch_workers", state="ready") == 1, "a worker")
    assert monitor.figures().sum("clutch_worker_ends_total") == 2


def test_who_and_where(server, monitor):
    figures = monitor.figures()
    info = figures.families["clutch_build_info"].samples[0]
    version = run_clutch("--version").stdout
    assert f"clutch {info.labels['version']} (CPython {info.labels['python']}," in version
    assert info.value == 1
    assert figures.get("clutch_generation") == 1
    for number in "12":
        assert figures.get("clutch_worker_resident_memory_bytes", worker=number) > 1 << 20
        assert figures.get("clutch_worker_start_time_seconds", worker=number) >= figures.get("clutch_start_time_seconds") - 1
    assert figures.get("clutch_listen_queue_connections", listener=server.url) == 0


@only_root
def test_the_application_of_a_worker_with_fewer_rights(start_as_nobody):
    """Its parts of shared memory are nobody's business then; its size is still known."""
    server = start_as_nobody(*ANY_PORT)
    figures = Monitor(server).figures()
    assert figures.get("clutch_worker_resident_memory_bytes", worker="1") > 1 << 20


def test_names_follow_the_conventions(monitor):
    figures = monitor.figures()
    for line in figures.text.splitlines():
        if not line.startswith("#"):
            assert re.fullmatch(r'clutch_[a-z0-9_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?\d+(\.\d+)?', line), line
    for name, family in figures.families.items():
        assert family.documentation.endswith("."), name
        assert family.type in ("counter", "gauge", "histogram"), name
        if family.type == "histogram":
            assert name.endswith("_seconds"), name


def test_every_metric_is_documented(monitor):
    """csrc/METRICS.md has a row for each family, with its kind and its labels, and no other."""
    page = pathlib.Path(TREE, "csrc", "METRICS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(clutch_\w+)` \| (\w+) \|([^|]*)\|", page, re.M)
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    shown = {}
    for line in monitor.get("/metrics").text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            shown[name] = (kind, set())
        elif not line.startswith("#"):
            shown[name][1].update(set(re.findall(r'(\w+)="', line)) - {"le"})
    assert documented == shown


@pytest.mark.parametrize("how", ["sleep", "compute"])
def test_every_python_thread_is_stuck(start, how, tmp_path):
    server = start(*ROUTER, "--threads", 2, workers=2)
    monitor = Monitor(server)
    gates = [Gate(tmp_path, f"gate-{index}") for index in range(4)]
    flag = tmp_path / "flag"
    flag.write_bytes(bytes(8))
    stuck = [server.connect() for _ in range(4)]
    for connection, gate in zip(stuck, gates):
        target = f"/gated/?gate={gate.path}" if how == "sleep" else f"/hog/?flag={flag}"
        connection.send(make_request(target))
    # Of those that compute without ever giving up the GIL one runs in each worker, and the others wait for it or queue.
    least = 4 if how == "sleep" else 2
    figures = monitor.wait_for(lambda now: now.get("clutch_threads_busy") >= least, "busy threads")
    assert figures.get("clutch_workers", state="ready") == 2
    for target in ("/livez", "/readyz", "/startupz"):
        assert monitor.status(target) == 200
    if how == "sleep":
        for gate in gates:
            gate.open()
    with flag.open("r+b") as file:
        file.write(b"\1")
    for connection in stuck:
        assert connection.read_response().status == 200


def test_workers_that_are_stopped(server, monitor):
    pids = server.worker_pids()
    for index in range(len(pids)):
        server.kill_worker(index, signal.SIGSTOP)
    try:
        assert monitor.figures().get("clutch_workers", state="ready") == 2
        assert monitor.status("/livez") == 200
    finally:
        for index in range(len(pids)):
            server.kill_worker(index, signal.SIGCONT)


def test_many_scrapes_at_once(server, monitor):
    answers = []

    def scrape():
        for _ in range(5):
            answers.append(monitor.figures().get("clutch_workers", state="ready"))

    threads = [threading.Thread(target=scrape) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [2] * 40


def test_figures_of_the_application(start):
    server = start("counting", "--pythonpath", BEHAVIOUR, *ANY_PORT, workers=2)
    monitor = Monitor(server)
    for _ in range(5):
        assert server.request("/work").status == 200
    figures = monitor.figures()
    assert figures.get("app_took_seconds_count") == 5
    assert figures.get("app_running") == 0
    assert figures.families["app_requests"].type == "counter"


@pytest.mark.parametrize("options", [("--preload",), ("--sandbox", "best-effort"), ("--threads", "4")], ids=str)
def test_other_ways_to_run(start, options):
    server = start(*ROUTER, *options, workers=2)
    monitor = Monitor(server)
    for _ in range(3):
        server.request("/blocks/list-of-one")
    wait_counted(monitor, 3)
    figures = monitor.figures()
    assert figures.get("clutch_workers", state="ready") == 2
    for number in "12":
        assert figures.get("clutch_worker_resident_memory_bytes", worker=number) > 1 << 20
