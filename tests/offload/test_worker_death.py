# SPDX-License-Identifier: MIT
"""Processes die in the middle; no accepted job is lost."""

import os
import signal

import kombu
import pytest
from offload.jobs import QUEUE
from stack import wait_until


def kombu_version():
    return tuple(int(number) for number in kombu.__version__.split(".")[:2])


def let_time_pass(stack):
    """The job that the dead worker had was taken in 1970."""
    with stack.connect() as client:
        wait_until(lambda: client.zcard("unacked_index") == 1, "the other job's message has been taken out")
        (tag,) = client.zrange("unacked_index", 0, -1)
        client.zadd("unacked_index", {tag: 0})


# Celery looks for the jobs of dead workers when it starts, and then again and again: every second as tasks.py wants it, but with kombu
# before 5.7 (the newest that CPython 3.9 can run) every 100 s. Both ways are tried where that takes no longer than a test may.
@pytest.mark.parametrize(
    "is_over",
    [
        True,
        pytest.param(False, marks=pytest.mark.skipif(kombu_version() < (5, 7), reason="kombu before 5.7 looks every 100 s")),
    ],
    ids=["found when another one starts", "found by one that runs"],
)
def test_celery_worker_killed(make_stack, is_over):
    stack = make_stack(concurrency=1, workers=1)
    url, waiting = stack.post("first"), stack.post("second")
    first = stack.wait_state(url, "running")
    stack.kill_all(stack.celery)
    stack.open()
    if is_over:
        let_time_pass(stack)
    stack.start_other_celery()
    assert stack.wait_state(waiting, "done")["result"] == "true"
    if not is_over:
        let_time_pass(stack)
    job = stack.wait_state(url, "done")
    assert (job["attempts"], job["result"]) == (2, "true") and job["pid"] != first["pid"]


def test_process_of_a_job_killed(stack):
    url = stack.post()
    first = stack.wait_state(url, "running")
    os.kill(first["pid"], signal.SIGKILL)
    wait_until(lambda: stack.job(url)["attempts"] == 2, "the job is begun again")
    stack.open()
    job = stack.wait_state(url, "done")
    assert job["pid"] != first["pid"] and job["begun_us"] > first["begun_us"]


def test_job_that_kills_its_process(make_stack):
    stack = make_stack(concurrency=1, workers=1, environment={"OFFLOAD_ATTEMPTS": "1"})
    (stack.gate / "kill").touch()
    job = stack.wait_state(stack.post(), "failed")
    assert job["attempts"] == 1 and job["result"] == "never ended, however often begun: 1"
    (stack.gate / "kill").unlink()
    stack.open()
    assert stack.wait_state(stack.post(), "done")["attempts"] == 1


def test_message_that_comes_twice(make_stack):
    """A visibility timeout that is too short for the work, or a message sent again: the job has one end."""
    stack = make_stack(concurrency=2, workers=1, environment={"OFFLOAD_VISIBILITY_SECONDS": "1"})
    url = stack.post()
    wait_until(lambda: stack.job(url)["attempts"] >= 2, "the job is begun again while it runs")
    stack.open()
    job = stack.wait_state(url, "done")
    behind = stack.post("behind")
    stack.wait_state(behind, "done")
    with stack.connect() as client:
        wait_until(lambda: client.llen(QUEUE) == client.hlen("unacked") == 0, "every message of it has been dealt with")
    assert stack.job(url)["ended_us"] == job["ended_us"]


def test_clutch_workers_killed(stack):
    urls = [stack.post(f"{n}") for n in range(4)]
    workers = [pid for pid in stack.clutch.pids() if pid != stack.clutch.process.pid]
    assert len(workers) == 2
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    stack.open()
    jobs = [stack.wait_state(url, "done") for url in urls]
    assert [job["param"] for job in jobs] == ["0", "1", "2", "3"] and {job["attempts"] for job in jobs} == {1}
