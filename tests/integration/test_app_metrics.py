# SPDX-License-Identifier: MIT
"""clutch.metrics: one figure for all workers, kept when they die; what is wrong is said as prometheus_client says it."""

from __future__ import annotations

import os
import re
import signal

import pytest

from support.client import make_request
from support.monitor import ANY_PORT, Monitor
from support.server import BEHAVIOUR, run_clutch
from support.waiting import wait_until

SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$')

ALIVE = """
import clutch
from clutch.metrics import CONTENT_TYPE_LATEST, Gauge, generate_latest
Gauge("app_alive", "Workers that live.").set(1)
Gauge("app_generations", "The generations of those that live.").set(clutch.generation())
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
    return [generate_latest()]
"""


def read_metrics(server) -> dict[tuple[str, str], float]:
    """Returns every sample by its name and labels, after checking the form of the text."""
    response = server.request("/metrics")
    assert response.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    samples: dict[tuple[str, str], float] = {}
    for line in response.body.decode().splitlines():
        if not re.match(r"# (HELP|TYPE) [a-z_]+ .+$", line):
            match = SAMPLE.match(line)
            assert match, line
            assert (match[1], match[2] or "") not in samples, line
            samples[match[1], match[2] or ""] = float(match[3])
    return samples


@pytest.fixture
def start_counting(start):
    def start_one(*options, **keywords):
        return start("counting", "--pythonpath", BEHAVIOUR, *options, **keywords)

    return start_one


@pytest.fixture(params=[(), ("--preload",)], ids=["in workers", "preloaded"])
def server(start_counting, request):
    return start_counting("--threads", "2", *request.param, workers=2)


def count_requests(server, path: str) -> float:
    """Over all workers."""
    return sum(value for (name, labels), value in read_metrics(server).items()
               if name == "app_requests_total" and f'path="{path}"' in labels)


def test_all_workers_count_together(server):
    for _ in range(20):
        assert server.request("/work").text == "Says what it does."
    metrics = read_metrics(server)
    assert count_requests(server, "work") == 20
    assert metrics["app_took_seconds_count", ""] == metrics["app_took_seconds_bucket", 'le="+Inf"'] == 20
    assert metrics["app_took_seconds_bucket", 'le="0.5"'] <= metrics["app_took_seconds_bucket", 'le="1.0"'] <= 20
    assert 0 < metrics["app_took_seconds_sum", ""] < 20
    assert metrics["app_running", ""] == 0
    assert metrics["clutch_app_metrics_dropped_total", ""] == 0


def test_a_killed_worker_has_counted(server):
    """Killed in the middle of its increments: what it has counted stays, and others go on counting."""
    pid = int(server.request("/spin").text)
    wait_until(lambda: read_metrics(server)["app_spins_turns_total", ""] > 1000, "the thread to count")
    before = read_metrics(server)
    mark = server.log.mark()
    os.kill(pid, signal.SIGKILL)
    server.wait_for_log(r"spawned worker", after=mark)
    assert server.request("/work").status == 200
    after = read_metrics(server)
    for series, value in before.items():
        if series[0].endswith("_total"):
            assert after[series] >= value
    assert count_requests(server, "spin") == 1 and count_requests(server, "work") == 1
    assert read_metrics(server)["app_spins_turns_total", ""] == after["app_spins_turns_total", ""]


def test_gauges_are_of_the_living(server, gate):
    with server.connect() as connection:
        connection.send(make_request(f"/hold?gate={gate.path}"))
        wait_until(lambda: read_metrics(server)["app_running", ""] == 1, "the request to run")
        mark = server.log.mark()
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGKILL)
        server.log.wait_for("spawned worker", after=mark, count=2)
        wait_until(lambda: read_metrics(server)["app_running", ""] == 0, "the count of the dead to go")
        assert count_requests(server, "hold") == 1


def test_as_many_workers_as_there_can_be(start, tmp_path):
    """Each has a gauge that counts, also those that a reload adds for a moment."""
    app = tmp_path / "alive.py"
    app.write_text(ALIVE)
    server = start(app, workers=1)
    for count in range(2, 18):
        server.send_signal(signal.SIGTTIN)
        server.wait_for_log(rf"one worker more: {count}$")
    wait_until(lambda: read_metrics(server)["app_alive", ""] == 17, "all workers to be seen", 180)
    server.send_signal(signal.SIGHUP)
    server.wait_for_log(r"generation 2 serves with 17 workers", limit_s=180)
    wait_until(lambda: read_metrics(server)["app_alive", ""] == 17, "the workers before to be gone")
    assert read_metrics(server)["app_generations", ""] == 2 * 17


def test_modes_of_gauges(start_counting):
    server = start_counting()
    for value in ("7.25", "3"):
        server.request(f"/set?value={value}")
    metrics = read_metrics(server)
    assert metrics["app_largest", 'what="value"'] == metrics["app_latest", ""] == 3
    mark = server.log.mark()
    server.kill_worker()
    server.wait_for_log("spawned worker", after=mark)
    metrics = read_metrics(server)
    assert metrics["app_latest", ""] == 3 and ("app_largest", 'what="value"') not in metrics


def test_beside_the_figures_of_the_server(start_counting):
    """Also while no worker can say anything."""
    server = start_counting(*ANY_PORT, workers=2)
    for _ in range(3):
        assert server.request("/work").status == 200
    try:
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGSTOP)
        figures = Monitor(server).figures()
    finally:
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGCONT)
    assert figures.sum("app_requests_total") == figures.get("app_took_seconds_count") == 3
    assert figures.families["app_took_seconds"].type == "histogram"
    assert figures.get("app_running") == 0
    assert figures.get("clutch_app_metrics_dropped_total") == 0


def test_exceptions_of_one_kind(server):
    assert server.request("/fail").text == "done"
    assert read_metrics(server)["app_failures_total", ""] == 1


def test_labels_from_clients(start_counting):
    """Anything may stand in them; too long a one is not shown."""
    server = start_counting()
    assert server.request("/many?count=1&name=a%22%5C%0A%C3%A9%00").status == 200
    assert server.request("/many?count=1&name=" + 1025 * "x").status == 200
    names = [labels for name, labels in read_metrics(server) if name == "app_requests_total"]
    assert any('path="/many/a\\"\\\\\\n\u00e9?/0"' in labels for labels in names)
    assert not any("xxx" in labels for labels in names)
    assert read_metrics(server)["clutch_app_metrics_dropped_total", ""] == 1
    server.wait_for_log(r"warning.*metric app_requests found no room.*--app-metrics-memory; values .* 1024 bytes")


def test_full(start_counting):
    server = start_counting("--app-metrics-memory", "4k")
    for name in ("a", "b"):
        assert server.request(f"/many?count=200&name={name}").text == "done"
    metrics = read_metrics(server)
    assert 10 < sum(name == "app_requests_total" for name, _ in metrics) < 100
    assert metrics["clutch_app_metrics_dropped_total", ""] > 300
    assert metrics["app_requests_total", 'path="/many/a/0",worker="1"'] == 1
    assert server.stop() == 0
    assert len(server.log.find_all("found no room")) == 1


def test_without_shared_memory(start_counting):
    server = start_counting("--app-metrics-memory", "0")
    server.request("/work")
    assert count_requests(server, "work") == 1


def test_when_the_configuration_is_checked():
    result = run_clutch("--check-config", "--pythonpath", BEHAVIOUR, "counting")
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def said(start_module):
    return start_module("counting", "--pythonpath", BEHAVIOUR).request("/mistakes").json()


@pytest.mark.parametrize(
    "name, text",
    [
        ("name", "ValueError: Invalid metric name: '1st'"),
        ("own name", "ValueError: Reserved metric name: 'clutch_workers'"),
        ("twice", "ValueError: Duplicated timeseries in this process: app_requests"),
        ("label", "ValueError: Reserved label metric name: '__a'"),
        ("le", "ValueError: Reserved label metric name: 'le'"),
        ("labels of one str", "TypeError: labelnames must be a sequence of names, not the str 'abc'"),
        ("mode", "ValueError: Invalid multiprocess mode: 'all'"),
        ("order", "ValueError: Buckets not in sorted order"),
        ("no bucket", "ValueError: Must have at least two buckets"),
        ("no values", "ValueError: counter metric is missing label values"),
        ("too few values", "ValueError: Incorrect label count"),
        ("other names", "ValueError: Incorrect label names"),
        ("both ways", "ValueError: Can't pass both *args and **kwargs"),
        ("no labels", "ValueError: No label names were set"),
        ("chained", "ValueError: <clutch.metrics.Counter app_requests> already has its label values set"),
        ("less", "ValueError: Counters can only be incremented by non-negative amounts."),
        ("no number", "TypeError: "),
        ("no argument", "TypeError: set() takes one argument, value"),
    ],
)
def test_mistakes(said, name, text):
    assert said[name] is not None and said[name].startswith(text)
