# SPDX-License-Identifier: MIT
"""Jobs are accepted at once, and told of until they are done."""

import concurrent.futures
import json

import pytest
import redis
from offload.jobs import PREFIX, QUEUE, Jobs
from offload.settings import PENDING_SECONDS, SETTINGS
from stack import connected_to, wait_until

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


def test_a_job_goes_from_pending_to_running_to_done(stack):
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


def test_what_is_not_there(stack):
    known = stack.post()
    for target in ("/tasks/" + "0" * 32, "/tasks/x", "/tasks/", known + "0", known.upper() + "?", known + "%0A", "/tasks/..%2f", "/nothing"):
        reply = stack.call(target)
        assert (reply.status, reply.headers["Content-Type"]) == (404, "text/plain; charset=utf-8"), target
    for method, target, allowed in (("GET", "/tasks", "POST"), ("POST", "/health", "GET, HEAD"), ("HEAD", "/", "GET"), ("PUT", known, "GET, HEAD")):
        reply = stack.call(target, method)
        assert (reply.status, reply.headers["Allow"]) == (405, allowed), target
    assert stack.call("/tasks?param=" + "x" * 1001, "POST").status == 400
    assert stack.call(known, "HEAD").body == b""


def test_the_same_key_is_the_same_job(stack):
    key = {"Idempotency-Key": "order 17"}
    url = stack.post("once", headers=key)
    assert stack.post("once", headers=key) == url
    assert stack.post("other", headers={"Idempotency-Key": "order 18"}) != url
    stack.open()
    job = stack.wait_state(url, "done")
    assert stack.post("once", headers=key) == url
    behind = stack.post("behind")
    stack.wait_state(behind, "done")
    assert stack.job(url) == job and job["param"] == "once" and job["attempts"] == 1
    assert stack.call("/tasks", "POST", {"Idempotency-Key": "x" * 201}).status == 400


def test_an_answer_is_kept_for_a_while(stack):
    """An hour, and a key as long as its answer; a job that waits is kept for a week."""
    key = {"Idempotency-Key": "order 22"}
    url = stack.post("once", headers=key)
    name = PREFIX + url.rpartition("/")[2]
    stack.wait_state(url, "running")
    with stack.connect() as client:
        assert SETTINGS.result_s < PENDING_SECONDS - 60 < client.ttl(name) <= PENDING_SECONDS
        stack.open()
        first = stack.wait_state(url, "done")
        assert 0 < client.ttl(name) <= SETTINGS.result_s
        client.pexpire(name, 1)
        wait_until(lambda: stack.call(url).status == 404, "the answer is forgotten")
    assert stack.post("another", headers=key) == url
    assert stack.wait_state(url, "done")["accepted_us"] > first["ended_us"]


def test_a_key_does_not_stand_for_other_work(stack):
    key = {"Idempotency-Key": "order 20"}
    url = stack.post("once", headers=key)
    reply = stack.call("/tasks?param=other", "POST", key)
    assert reply.status == 422 and reply.body.startswith(b"Idempotency-Key: ")
    assert stack.job(url)["param"] == "once"


def test_the_same_key_at_the_same_time(stack):
    key = {"Idempotency-Key": "order 21"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        urls = set(pool.map(lambda _: stack.post("once", headers=key), range(8)))
    assert len(urls) == 1
    stack.open()
    stack.wait_state(stack.post("behind"), "done")
    assert stack.wait_state(urls.pop(), "done")["attempts"] == 1


def test_a_job_that_another_caller_has_sent_is_not_taken_back(stack):
    """Two callers with one key; the first one's message finds no way into the queue, the second one's does."""
    with stack.connect() as client:
        jobs = Jobs(redis.Redis(port=stack.redis.port, decode_responses=True))
        assert [jobs.accept(job_id, "x") for job_id in ("a" * 32, "b" * 32, "b" * 32)] == ["new", "new", "pending"]
        for job_id in ("a" * 32, "b" * 32):
            jobs.forget(job_id)
        assert (jobs.read("a" * 32), jobs.read("b" * 32)["state"]) == (None, "pending")
        client.delete(PREFIX + "b" * 32)


def test_health_tells_that_nobody_takes_jobs(stack):
    first, second = stack.post("first"), stack.post("second")
    stack.wait_state(first, "running")
    waited = wait_until(lambda: (health := stack.call("/health").json())["longest_wait_s"] >= 0.3 and health, "it waits")
    assert waited["waiting"] == 1
    assert stack.job(second)["state"] == "pending"


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["", "preload"])
def test_every_worker_is_connected_before_its_first_job(make_stack, options):
    workers = 3
    stack = make_stack(concurrency=1, workers=workers, options=options)
    with stack.connect() as client:
        ports = {port for pid in stack.clutch.pids() for port in connected_to(pid, stack.redis.port)}
        assert ports <= {int(line["addr"].rpartition(":")[2]) for line in client.client_list()}
    served = [connected_to(pid, stack.redis.port) for pid in stack.clutch.pids()]
    assert sum(len(ports) >= 2 for ports in served) >= workers, "one connection for jobs, one for Celery's messages"


def test_a_lost_message_is_sent_again_with_its_key(make_stack):
    stack = make_stack(concurrency=1, workers=1)
    stack.open()
    stack.kill_all(stack.celery)
    key = {"Idempotency-Key": "order 19"}
    url = stack.post("lost", headers=key)
    with stack.connect() as client:
        assert client.delete(QUEUE) == 1  # what a worker that dies right after taking a message does
    assert (stack.job(url)["state"], stack.call("/health").json()["waiting"]) == ("pending", 0)
    assert [stack.post("lost", headers=key) for _ in range(3)] == [url] * 3
    assert stack.call("/health").json()["waiting"] == 3
    stack.celery.start()
    stack.wait_state(stack.post("behind"), "done")
    job = stack.job(url)
    assert (job["state"], job["attempts"]) == ("done", 1)


def test_work_that_raises_is_a_failed_job(stack):
    (stack.gate / "raise").touch()
    job = stack.wait_state(stack.post(), "failed")
    assert job["result"] == "RuntimeError: no luck" and job["attempts"] == 1


def test_the_work_is_that_of_the_synchronous_application(make_stack):
    stack = make_stack(concurrency=1, workers=1, celery_app="offload.tasks", environment={"CLUTCH_DEMO_SECONDS": "0.3"})
    job = stack.wait_state(stack.post("caf%C3%A9%0A"), "done")
    assert job["result"] == "true" and job["param"] == "café?"
    assert job["ended_us"] - job["begun_us"] >= 300_000
    assert "Accept incoming request: caf" in stack.celery.log_text()
    assert json.loads(stack.call("/health").body) == {"redis": "ok", "waiting": 0, "longest_wait_s": 0.0}
