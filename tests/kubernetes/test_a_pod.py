# SPDX-License-Identifier: MIT
"""A pod's life without a cluster: clutch with the very arguments and variables of the Deployment, asked by its probes, scraped for its
autoscaler, and ended as the kubelet ends it. Only the addresses are others, where a test cannot have those."""

from __future__ import annotations

import re
import signal
import time

import pytest
from kubernetes_support import manifests
from kubernetes_support.manifests import time_of
from support.client import make_request
from support.monitor import Monitor
from support.server import BEHAVIOUR, Server
from support.waiting import wait_until

HERE = {"bind": "127.0.0.1:0", "metrics-bind": "127.0.0.1:0"}
THREADS = 2 * int(manifests.options()["threads"])  # two workers: what `auto` makes of the CPU limit


def arguments(**others):
    """The Deployment's, with other values of some; `_` for `-`."""
    changed = {**HERE, **{name.replace("_", "-"): value for name, value in others.items()}}
    options = manifests.options()
    assert set(changed) <= set(options)
    return [f"--{name}={value}" for name, value in {**options, **changed}.items()]


@pytest.fixture
def start_pod(start):
    """start_pod(**other values) -> Server, Monitor. Two workers, whatever this machine would grant; no delay at the end, unless the
    test is about that."""

    def start_one(**others):
        server = start(
            "router", *arguments(**{"workers": "2", "drain_delay": "0", **others}), "--pythonpath", BEHAVIOUR,
            bind=(), workers=None, environment=manifests.environment(),
        )
        return server, Monitor(server)

    return start_one


def probes():
    """path -> what the kubelet would ask, for each of the three."""
    container = manifests.container()
    paths = [container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert len(set(paths)) == 3
    return paths


def test_the_arguments_as_they_are(start):
    """With `--workers=auto` and all: every option is known, no value is refused, nothing is warned of. The delay at the end is the one
    that is written down; a second signal ends it, so that nobody has to wait."""
    server = start("router", *arguments(), "--pythonpath", BEHAVIOUR, bind=(), workers=None, environment=manifests.environment())
    monitor = Monitor(server)
    assert monitor.status("/readyz") == 200
    warnings = [match[0] for match in server.log.find_all(r"\[(warning|error)\].*")]
    assert [line for line in warnings if "run as root" not in line] == [], "the user of the tests aside"
    server.send_signal(signal.SIGTERM)
    server.log.wait_for(f"stopping in {time_of(manifests.options()['drain-delay']):g} s")
    assert monitor.status("/readyz") == 503
    assert server.request("/blocks/list-of-one").status == 200
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def test_the_probes(start_pod):
    _, monitor = start_pod()
    assert [monitor.status(path) for path in probes()] == [200, 200, 200]


def test_the_start_is_seen(start, make_gate):
    """Neither started nor ready, and yet alive, while the application loads."""
    gate = make_gate()
    server = Server(
        "late_import", *arguments(workers="1", drain_delay="0"), "--pythonpath", manifests.TREE / "tests/kubernetes/kubernetes_support",
        bind=(), workers=None, environment={**manifests.environment(), "GATE": gate.path},
    )
    try:
        gate.wait_reached()
        monitor = Monitor(server)
        assert [monitor.status(path) for path in ("/startupz", "/livez", "/readyz")] == [503, 200, 503]
        gate.open()
        server.wait_ready()
        monitor.wait_status("/startupz", 200)
        assert monitor.status("/readyz") == 200
    finally:
        server.finish()


def demand(figures) -> float:
    """What the adapter's rule makes of one scrape: the rate of busy seconds is the number of busy threads."""
    names = re.findall(r"clutch_\w+", manifests.adapter_rule()["metricsQuery"])
    assert names == ["clutch_worker_busy_seconds_total", "clutch_queue_requests", "clutch_threads"]
    assert all(sample[0] != "clutch_worker_busy_seconds_total" or sample[1] for sample in figures.samples)
    return (figures.get("clutch_threads_busy") + figures.sum(names[1])) / figures.sum(names[2])


def test_the_metric_of_the_autoscaler(start_pod, make_gate):
    """Idle, all threads busy, and more requests than threads: a demand of 0, of 1, and above 1."""
    server, monitor = start_pod()
    assert re.fullmatch(r"(\w+)\{.*", manifests.adapter_rule()["seriesQuery"])[1] == "clutch_threads_busy"
    figures = monitor.wait_for(lambda figures: figures.sum("clutch_threads") == THREADS, "all threads")
    assert demand(figures) == 0
    gates = [make_gate() for _ in range(THREADS)]
    held = [server.connect() for _ in gates]
    for connection, gate in zip(held, gates):
        connection.send(make_request(f"/gated/?gate={gate.path}"))
    for gate in gates:
        gate.wait_reached()
    monitor.wait_for(lambda figures: demand(figures) == 1, "a demand of 1")
    before = monitor.figures().sum("clutch_worker_busy_seconds_total")
    waiting = [server.connect() for _ in range(THREADS // 2)]
    for connection in waiting:
        connection.send(make_request("/blocks/list-of-one"))
    monitor.wait_for(lambda figures: demand(figures) == 1.5, "a demand of 1.5")
    monitor.wait_for(
        lambda figures: figures.sum("clutch_worker_busy_seconds_total") > before, "busy seconds of requests that still run"
    )
    for gate in gates:
        gate.open()
    assert {connection.read_response().status for connection in held + waiting} == {200}
    monitor.wait_for(lambda figures: demand(figures) == 0, "a demand of 0")


def test_the_end_of_a_pod(start_pod, make_gate):
    """From SIGTERM on not ready, and yet everybody is served, new connections too, until the delay is over; then what runs is finished."""
    delay_s = 6  # enough for what is asked meanwhile, also on a busy machine
    server, monitor = start_pod(drain_delay=f"{delay_s}s")
    gate = make_gate()
    running = server.connect()
    running.send(make_request(f"/gated/?gate={gate.path}"))
    gate.wait_reached()
    begin = time.monotonic()
    server.send_signal(signal.SIGTERM)
    monitor.wait_status("/readyz", 503)
    assert monitor.status("/livez") == 200, "the kubelet must not kill it"
    kept = server.connect()
    while True:
        assert server.request("/blocks/list-of-one").status == 200
        assert kept.request("/blocks/list-of-one").status == 200
        if time.monotonic() - begin > 1:
            break
    assert not server.log_contains("stopping: SIGTERM")
    server.log.wait_for("stopping: SIGTERM")
    assert time.monotonic() - begin >= delay_s * 0.9
    gate.open()
    assert running.read_response().status == 200
    assert server.wait_exit() == 0


def test_a_request_that_never_ends_costs_no_more_than_the_kubelet_waits(start_pod, make_gate):
    """The delay, then the graceful timeout, then the end: one after the other."""
    server, _ = start_pod(drain_delay="300ms", graceful_timeout="300ms")
    gate = make_gate()
    running = server.connect()
    running.send(make_request(f"/gated/?gate={gate.path}"))
    gate.wait_reached()
    begin = time.monotonic()
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert time.monotonic() - begin >= 0.6
    assert server.log_contains("--graceful-timeout")


def test_more_than_may_wait_is_refused(start_pod, make_gate):
    server, monitor = start_pod(queue_limit="1", threads="1")
    gates = [make_gate() for _ in range(2)]
    held = [server.connect() for _ in gates]
    for connection, gate in zip(held, gates):
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
    waiting = server.connect()
    waiting.send(make_request("/blocks/list-of-one"))
    monitor.wait_for(lambda figures: figures.get("clutch_queue_requests") == 1, "one that waits")
    refused = wait_until(lambda: server.request("/blocks/list-of-one"), "an answer")
    assert (refused.status, refused.header("Retry-After") is not None) == (503, True)
    assert monitor.status("/livez") == monitor.status("/readyz") == 200, "busy is not ill"
    for gate in gates:
        gate.open()
    assert [connection.read_response().status for connection in (*held, waiting)] == [200, 200, 200]
