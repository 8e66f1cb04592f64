# SPDX-License-Identifier: MIT
"""The client's clock and the server's tell the same of every request."""

from __future__ import annotations

import statistics

import pytest
from compare import figures, plan
from comparison_support import Comparison

CLOCK_US = 5_000  # what two readings of one clock, in two processes on a busy machine, may stand in the wrong order
PARTS = ("queue_us", "gil_us", "app_us", "write_us")
APP_US = plan.SLEEP_S * 1e6


@pytest.fixture(scope="module")
def compared(clutch, tmp_path_factory):
    """A comparison of the sleeping application with few settings; its runs by setting."""
    comparison = Comparison(
        ["sleeping", "--workers", "2,5", "--threads", "1,2", "--requests", "30"], tmp_path_factory.mktemp("out")
    )
    assert comparison.finish() == 0, comparison.text + comparison.errors
    return comparison.document()


def runs_of(document):
    return [run for experiment in document["experiments"] for run in experiment["runs"]]


def test_every_request_is_there_once(compared):
    runs = runs_of(compared)
    assert [(run["workers"], run["threads"]) for run in runs] == [(2, 1), (5, 1), (2, 2), (5, 2)]
    for run in runs:
        assert [request["id"] for request in run["requests"]] == list(range(1, 31))
        assert {request["status"] for request in run["requests"]} == {200}
        assert {request["bytes"] for request in run["requests"]} == {4}
        assert {request["client"] for request in run["requests"]} == set(range(1, 21))


def test_both_sides_agree_on_every_request(compared):
    """What only the client sees is how late it looks, on a busy machine sometimes by tens of milliseconds. That is less
    than one request's time in the application, and next to nothing for the luckiest of those that waited."""
    for run in runs_of(compared):
        overheads, of_waiting = [], []
        for request in run["requests"]:
            of_client = request["answered_us"] - request["sent_us"]
            of_server = sum(request[part] for part in PARTS)
            before_write = of_server - request["write_us"]  # the client may have it before the server's thread goes on
            assert of_client >= before_write - CLOCK_US, request
            assert APP_US <= request["app_us"] <= of_client + CLOCK_US, request
            overheads.append(abs(of_client - of_server))
            if request["queue_us"] >= APP_US / 2:
                of_waiting.append(overheads[-1])
        assert statistics.median(overheads) < APP_US / 2, f"{run['label']}: {overheads}"
        assert min(of_waiting) < 20_000, f"{run['label']}: {of_waiting}"


def test_moments_are_in_order(compared):
    for run in runs_of(compared):
        for request in run["requests"]:
            moments = [request[name] for name in ("sent_us", "arrived_us", "begun_us")]
            moments += [request["begun_us"] + request["gil_us"] + request["app_us"], request["answered_us"]]
            for earlier, later in zip(moments, moments[1:]):
                assert earlier <= later + CLOCK_US, request


def test_all_clients_begin_together(compared):
    """Nobody waits for another one's answer."""
    for run in runs_of(compared):
        first = [request["sent_us"] for request in run["requests"][:20]]
        assert min(first) >= 0
        assert max(first) < min(request["answered_us"] for request in run["requests"]), f"{run['label']}: {first}"


def test_a_client_sends_its_next_request_after_the_answer(compared):
    for run in runs_of(compared):
        ends = {}
        for request in run["requests"]:
            assert request["sent_us"] >= ends.get(request["client"], 0)
            ends[request["client"]] = request["answered_us"]


def test_a_thread_runs_one_request_at_a_time(compared):
    for run in runs_of(compared):
        lanes = {}
        for request in run["requests"]:
            lanes.setdefault((request["worker"], request["thread"]), []).append(request)
        assert set(lanes) <= {
            (worker, thread) for worker in range(1, run["workers"] + 1) for thread in range(run["threads"])
        }
        assert len({request["pid"] for request in run["requests"]}) <= run["workers"]
        for requests in lanes.values():
            requests.sort(key=lambda request: request["begun_us"])
            for before, after in zip(requests, requests[1:]):
                assert before["begun_us"] + before["gil_us"] + before["app_us"] <= after["begun_us"] + CLOCK_US
        assert run["figures"]["running_most"] <= run["workers"] * run["threads"]


def test_requests_wait_where_all_threads_are_taken(compared):
    """Twenty callers of two workers: eighteen wait. The figure that the whole comparison is about. Whoever is among the
    first to run and yet waited, for a worker that had no CPU, is counted too."""
    by_setting = {(run["workers"], run["threads"]): run for run in runs_of(compared)}
    for (workers, threads), waiting in (((2, 1), 18), ((5, 2), 10)):
        run = by_setting[workers, threads]
        in_order = sorted(run["requests"], key=lambda request: request["begun_us"])
        late = sum(figures.waited_us(request) > APP_US * figures.TRANSIT_SHARE for request in in_order[: 20 - waiting])
        assert waiting <= run["figures"]["waiting_most"] <= waiting + late, run["label"]
    assert by_setting[2, 1]["figures"]["running_most"] == 2


def test_what_a_run_costs(compared):
    for run in runs_of(compared):
        assert run["processes"] == run["workers"] + 1
        assert 1_000_000 * run["workers"] < run["pss_bytes"] < 60_000_000 * run["workers"]
        assert 0 <= run["cpu_s"] < run["wall_s"]
        assert 0 < run["ready_s"] < 60
        ends = [request["answered_us"] for request in run["requests"]]
        begin = min(request["sent_us"] for request in run["requests"])
        assert run["wall_s"] == pytest.approx((max(ends) - begin) / 1e6)


def test_memory_with_and_without_preload(compared):
    (experiment,) = compared["experiments"]
    seen = {(each["workers"], each["preload"]): each for each in experiment["memory"]}
    assert set(seen) == {(2, False), (5, False), (2, True), (5, True)}
    for (workers, preload), each in seen.items():
        assert each["threads"] == 1 and each["server"] == "clutch"
        assert each["processes"] == workers + 1 + preload
    assert seen[5, True]["pss_bytes"] < seen[5, False]["pss_bytes"]


def test_the_head_of_the_document(compared, clutch):
    assert compared["format"] == 1 and compared["interrupted"] is False
    assert compared["load"]["clients"] == 20 and compared["load"]["requests"] == 30
    assert "0.3 s" in compared["load"]["note"]
    assert compared["machine"]["cpus"] >= compared["machine"]["granted_cpus"] > 0
    assert set(compared["machine"]) == {"cpus", "granted_cpus", "memory_bytes", "kernel", "python", "clutch"}
    (experiment,) = compared["experiments"]
    assert len(experiment["says"]) == 2 and experiment["title"].startswith("Sleeping")
    assert all(run["command"][0] == clutch for run in experiment["runs"])
