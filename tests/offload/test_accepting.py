# SPDX-License-Identifier: MIT
"""Jobs are accepted at once, and told of until they are done."""

import json

import redis
from offload.jobs import QUEUE
from stack import wait_until

CALLERS = 20
FIELDS = ["id", "state", "param", "result", "attempts", "accepted_us", "begun_us", "ended_us", "pid"]


def test_twenty_callers_are_answered_while_nothing_is_done(make_stack):
    stack = make_stack(concurrency=2, workers=5)
    replies = stack.call_at_once([f"/?param=Request_{n}" for n in range(CALLERS)])
    assert [reply.status for reply in replies] == [202] * CALLERS
    urls = [reply.headers["Location"] for reply in replies]
    assert len(set(urls)) == CALLERS
    assert all(reply.json()["status_url"] == url for reply, url in zip(replies, urls))
    expected = {"running": 2, "pending": CALLERS - 2}
    wait_until(lambda: stack.count_states(urls) == expected, "two run, the others wait")
    assert stack.call("/health").json()["waiting"] <= CALLERS - 2
    stack.open()
    jobs = [stack.wait_state(url, "done") for url in urls]
    assert sorted(job["param"] for job in jobs) == sorted(f"Request_{n}" for n in range(CALLERS))
    assert {(job["result"], job["attempts"]) for job in jobs} == {("true", 1)}
    assert all(job["accepted_us"] <= job["begun_us"] <= job["ended_us"] for job in jobs)


def test_a_job_goes_from_pending_to_running_to_done(make_stack):
    stack = make_stack(concurrency=1)
    first, second = stack.post("first"), stack.post("second")
    running = stack.wait_state(first, "running")
    pending = stack.job(second)
    assert list(pending) == FIELDS
    assert (pending["state"], pending["begun_us"], pending["result"]) == ("pending", None, None)
    assert running["begun_us"] and running["pid"] in stack.celery.pids() and running["ended_us"] is None
    assert stack.call(first).headers["Retry-After"] == "1"
    stack.open()
    assert stack.wait_state(second, "done")["param"] == "second"
    reply = stack.call(first)
    assert reply.json()["result"] == "true" and "Retry-After" not in reply.headers
    assert reply.headers["Cache-Control"] == "no-store"


def test_what_is_not_there(make_stack):
    stack = make_stack(concurrency=1, workers=1)
    known = stack.post()
    for target in ("/tasks/" + "0" * 32, "/tasks/x", "/tasks/", known + "0", known.upper() + "?", known + "%0A", "/tasks/..%2f", "/nothing"):
        reply = stack.call(target)
        assert (reply.status, reply.headers["Content-Type"]) == (404, "text/plain; charset=utf-8"), target
    for method, target, allowed in (("GET", "/tasks", "POST"), ("POST", "/health", "GET, HEAD"), ("HEAD", "/", "GET"), ("PUT", known, "GET, HEAD")):
        reply = stack.call(target, method)
        assert (reply.status, reply.headers["Allow"]) == (405, allowed), target
    assert stack.call("/tasks?param=" + "x" * 1001, "POST").status == 400
    assert stack.call(known, "HEAD").body == b""


def test_the_same_key_is_the_same_job(make_stack):
    stack = make_stack(concurrency=1, workers=1)
    key = {"Idempotency-Key": "order 17"}
    url = stack.post("once", headers=key)
    assert stack.post("again", headers=key) == url
    assert stack.post("other", headers={"Idempotency-Key": "order 18"}) != url
    stack.open()
    job = stack.wait_state(url, "done")
    assert stack.post("late", headers=key) == url
    behind = stack.post("behind")
    stack.wait_state(behind, "done")
    assert stack.job(url) == job and job["param"] == "once" and job["attempts"] == 1
    assert stack.call("/tasks", "POST", {"Idempotency-Key": "x" * 201}).status == 400


def test_a_lost_message_is_sent_again_with_its_key(make_stack):
    stack = make_stack(concurrency=1, workers=1)
    stack.open()
    stack.celery.stop()
    key = {"Idempotency-Key": "order 19"}
    url = stack.post("lost", headers=key)
    with redis.Redis(port=stack.redis.port) as client:
        assert client.delete(QUEUE) == 1  # what a worker that dies right after taking a message does
    assert (stack.job(url)["state"], stack.call("/health").json()["waiting"]) == ("pending", 0)
    assert [stack.post("lost", headers=key) for _ in range(3)] == [url] * 3
    assert stack.call("/health").json()["waiting"] == 3
    stack.celery.start()
    stack.wait_state(stack.post("behind"), "done")
    job = stack.job(url)
    assert (job["state"], job["attempts"]) == ("done", 1)


def test_work_that_raises_is_a_failed_job(make_stack):
    stack = make_stack(concurrency=1, workers=1)
    (stack.gate / "raise").touch()
    job = stack.wait_state(stack.post(), "failed")
    assert job["result"] == "RuntimeError: no luck" and job["attempts"] == 1


def test_the_work_is_that_of_the_synchronous_application(make_stack):
    stack = make_stack(concurrency=1, workers=1, celery_app="offload.tasks", environment={"CLUTCH_DEMO_SECONDS": "0.3"})
    job = stack.wait_state(stack.post("caf%C3%A9%0A"), "done")
    assert job["result"] == "true" and job["param"] == "café?"
    assert job["ended_us"] - job["begun_us"] >= 300_000
    assert "Accept incoming request: caf" in stack.celery.log_text()
    assert json.loads(stack.call("/health").body) == {"redis": "ok", "waiting": 0}
