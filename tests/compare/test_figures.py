# SPDX-License-Identifier: MIT
"""figures.summarize against runs made by hand, whose answers are known."""

import json

import pytest

from compare import figures

MS = 1000


def request(number, sent_ms, queue_ms, app_ms, status=200, **more):
    """A request that arrived when it was sent, waited, ran and was answered; 0.1 ms for the GIL and 0.1 ms for the
    write."""
    begun = (sent_ms + queue_ms) * MS
    whole = {
        "id": number,
        "client": number,
        "sent_us": sent_ms * MS,
        "answered_us": begun + app_ms * MS + 200,
        "status": status,
        "bytes": 4,
        "error": None,
        "done_us": None,
        "pid": 7,
        "worker": 1,
        "thread": 0,
        "arrived_us": sent_ms * MS,
        "begun_us": begun,
        "queue_us": queue_ms * MS,
        "gil_us": 100,
        "app_us": app_ms * MS,
        "write_us": 100,
    }
    return {**whole, **more}


def run(requests, **more):
    return {"server": "clutch", "requests": requests, "wall_s": 2.0, "cpu_s": 1.0, "granted_cpus": 2.0, **more}


def four_waves():
    """20 callers, 5 workers, 100 ms each: the experiment of the post, a hundred times as fast."""
    return run([request(number, 0, 100 * (number // 5), 100) for number in range(20)])


def test_four_waves():
    result = figures.summarize(four_waves())
    assert (result["answered"], result["failed"]) == (20, 0)
    assert result["per_second"] == pytest.approx(20 / 0.4002, abs=0.001)
    assert result["client_ms"] == {"mean": 250.2, "p50": 200.2, "p95": 400.2, "p99": 400.2, "max": 400.2}
    assert result["server_ms"] == result["client_ms"]
    assert result["queue_ms"] == {"mean": 150.0, "p50": 100.0, "p95": 300.0, "p99": 300.0, "max": 300.0}
    assert result["gil_ms"] == dict.fromkeys(("mean", "p50", "p95", "p99", "max"), 0.1) == result["write_ms"]
    assert result["app_ms"] == dict.fromkeys(("mean", "p50", "p95", "p99", "max"), 100.0)
    assert (result["running_most"], result["waiting_most"]) == (5, 15)
    assert result["done_ms"] is None
    assert result["cpu_share"] == 0.25


def test_keys_are_those_of_the_format():
    assert list(figures.summarize({})) == [
        "answered",
        "failed",
        "per_second",
        "client_ms",
        "server_ms",
        "queue_ms",
        "gil_ms",
        "app_ms",
        "write_ms",
        "done_ms",
        "running_most",
        "waiting_most",
        "cpu_share",
    ]


@pytest.mark.parametrize(
    "empty",
    [
        {},
        {"requests": None},
        {"requests": [], "cpu_s": None, "wall_s": None, "error": "no such module"},
        {"requests": [], "cpu_s": 0.1, "wall_s": 0.0, "granted_cpus": 0},
    ],
)
def test_empty_run(empty):
    result = figures.summarize(empty)
    assert (result.pop("answered"), result.pop("failed"), result.pop("per_second")) == (0, 0, 0.0)
    assert set(result.values()) == {None}


@pytest.mark.parametrize(
    "count, percent, rank",
    [(1, 99, 1), (20, 50, 10), (20, 95, 19), (20, 99, 20), (100, 99, 99), (101, 99, 100), (200, 95, 190), (3, 50, 2)],
)
def test_nearest_rank(count, percent, rank):
    assert figures.percentile(list(range(1, count + 1)), percent) == rank


def test_failures_are_counted_and_do_not_shorten_the_times():
    requests = [
        request(1, 0, 0, 100),
        request(2, 0, 0, 1, status=500),
        request(3, 0, 0, 1, status=404),
        {"id": 4, "sent_us": 0, "answered_us": 5, "status": None, "error": "connection refused"},
        {"id": 5, "sent_us": 0, "answered_us": None, "status": None, "error": None},
        request(6, 0, 0, 100, error="the body ended early"),
    ]
    result = figures.summarize(run(requests))
    assert (result["answered"], result["failed"]) == (1, 4)
    assert result["client_ms"]["mean"] == 100.2
    assert result["app_ms"]["p50"] == 100


def test_a_peer_knows_only_the_application():
    unknown = dict.fromkeys(("arrived_us", "queue_us", "gil_us", "write_us"))
    result = figures.summarize(
        run([request(number, 0, 50 * number, 50, **unknown) for number in range(4)], server="waitress")
    )
    assert result["app_ms"]["mean"] == 50
    assert [result[key] for key in ("server_ms", "queue_ms", "gil_ms", "write_ms")] == [None] * 4
    assert (result["running_most"], result["waiting_most"]) == (1, 3)


def test_offloaded_jobs_are_done_after_their_answer():
    result = figures.summarize(
        run([request(1, 0, 0, 1, status=202, done_us=500 * MS), request(2, 0, 0, 1, status=202)])
    )
    assert result["answered"] == 2
    assert result["done_ms"]["max"] == 500
    assert result["client_ms"]["max"] == 1.2


def test_the_cpu_time_of_offloaded_jobs_is_shared_over_their_time():
    jobs = [request(1, 0, 0, 1, status=202, done_us=4000 * MS)]
    assert figures.summarize(run(jobs, wall_s=0.002, cpu_s=2.0, granted_cpus=2.0))["cpu_share"] == 0.25


def test_the_moment_of_arriving_is_no_wait():
    """Twenty requests reach twenty idle threads within 8 ms: nobody waited, although for a moment all had been sent and
    none ran."""
    result = figures.summarize(run([request(number, 0, 8, 100) for number in range(20)]))
    assert (result["running_most"], result["waiting_most"]) == (20, 0)


def test_who_never_got_in_waited_too():
    refused = {"sent_us": 0, "answered_us": 300 * MS, "status": 503, "error": None}
    assert figures.summarize(run([request(1, 0, 0, 100), request(2, 0, 100, 100), refused]))["waiting_most"] == 2


def test_a_bar_that_begins_where_another_ends_does_not_run_beside_it():
    assert figures.most_at_once([(0, 10), (10, 20), (5, 15)]) == 2
    assert figures.most_at_once([]) == 0


def test_figures_are_plain_json():
    assert json.loads(json.dumps(figures.summarize(four_waves()), allow_nan=False)) == figures.summarize(four_waves())
