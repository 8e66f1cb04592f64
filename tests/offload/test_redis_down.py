# SPDX-License-Identifier: MIT
"""Redis goes away: callers are told at once; what was accepted is done when it is back."""

import concurrent.futures
import os
import signal

from stack import HANGING, LIMIT_S, connected_to, wait_until

CALLERS = 20
BALLAST_BYTES = 16_000_000  # in Redis, beside which the buffers of its connections, which come and go, are next to nothing


def check_refusals(stack, url):
    targets = [f"/?param=late_{n}" for n in range(CALLERS)] + [url, "/health"]
    for target, reply in zip(targets, stack.call_at_once(targets)):
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1"), target
        assert reply.headers["Content-Type"].startswith("text/plain") and b"Redis" in reply.body and b"Traceback" not in reply.body
        assert reply.took_s < LIMIT_S / 2, target


def wait_accepted(stack):
    """Returns the status URL of a new job, as soon as it is accepted."""
    reply = wait_until(lambda: (reply := stack.call("/tasks", "POST")).status == 202 and reply, "a job is accepted")
    return reply.headers["Location"]


def test_redis_killed_in_the_middle(make_stack):
    stack = make_stack(concurrency=2, workers=5)
    urls = [stack.post(f"Request_{n}") for n in range(CALLERS)]
    wait_until(lambda: stack.count_states(urls).get("running") == 2, "two run")
    stack.kill_all(stack.redis)
    check_refusals(stack, urls[0])
    stack.open()  # the two end while Redis is away
    check_refusals(stack, urls[0])
    stack.redis.start()
    wait_until(lambda: stack.call("/health").status == 200, "health")
    new = stack.post("new")
    jobs = [stack.wait_state(url, "done") for url in urls + [new]]
    assert [job["param"] for job in jobs] == [f"Request_{n}" for n in range(CALLERS)] + ["new"]
    assert stack.celery.process.poll() is None and stack.clutch.process.poll() is None


def test_redis_that_hangs(make_stack):
    stack = make_stack(concurrency=1, workers=5, environment=HANGING)
    url = wait_accepted(stack)
    os.kill(stack.redis.process.pid, signal.SIGSTOP)
    try:
        check_refusals(stack, url)
    finally:
        os.kill(stack.redis.process.pid, signal.SIGCONT)
    stack.open()
    wait_until(lambda: all(reply.status == 200 for reply in stack.call_at_once([url] * CALLERS)), "all are answered")
    # A worker that none of them has reached may refuse one more.
    wait_until(lambda: (reply := stack.call(url)).status == 200 and reply.json()["result"] == "true", "the job is done")
    wait_accepted(stack)


def test_a_queue_of_callers_does_not_wait_for_redis_one_by_one(make_stack):
    threads, callers = 2, 60
    stack = make_stack(concurrency=1, workers=1, options=["--threads", f"{threads}"], environment=HANGING)
    os.kill(stack.redis.process.pid, signal.SIGSTOP)
    try:
        replies = stack.call_at_once(["/?param=late"] * callers)  # a second each, two at a time, were half a minute
    finally:
        os.kill(stack.redis.process.pid, signal.SIGCONT)
    assert {reply.status for reply in replies} == {503}
    # Only those have waited that say so: as many as there are threads, and then nobody for a second.
    waited = stack.clutch.log_text().count("offload: Redis does not answer: TimeoutError")
    took_s = max(reply.took_s for reply in replies)
    assert 1 <= waited <= threads * (1 + took_s / 2) < callers, f"{waited} have waited, {took_s:.1f} s"


def test_redis_that_hangs_at_the_start(make_stack):
    """clutch serves all the same, and says what is wrong."""
    stack = make_stack(concurrency=1, workers=2, environment=HANGING)
    stack.clutch.stop()
    os.kill(stack.redis.process.pid, signal.SIGSTOP)
    try:
        stack.clutch.start()
        assert stack.call("/health").status == 503
    finally:
        os.kill(stack.redis.process.pid, signal.SIGCONT)
    assert "offload: Redis does not answer yet: TimeoutError" in stack.clutch.log_text()
    wait_accepted(stack)


def test_many_threads_wait_for_a_slow_redis(make_stack):
    """Each has a connection of its own; a busy Redis is no reason to refuse anybody."""
    threads = 150
    stack = make_stack(concurrency=1, workers=1, options=["--threads", str(threads)])
    os.kill(stack.redis.process.pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        try:
            replies = [pool.submit(stack.call, "/health") for _ in range(threads)]
            (worker,) = set(stack.clutch.pids()) - {stack.clutch.process.pid}
            wait_until(lambda: len(connected_to(worker, stack.redis.port)) >= threads, "all ask")
        finally:
            os.kill(stack.redis.process.pid, signal.SIGCONT)
        assert {reply.result().status for reply in replies} == {200}


def test_wrong_password(make_stack):
    stack = make_stack(concurrency=1, workers=1)
    with stack.connect() as client:
        client.config_set("requirepass", "secret")
    stack.clutch.stop()
    stack.clutch.start()
    reply = stack.call("/tasks", "POST")
    assert reply.status == 503 and b"secret" not in reply.body
    assert "AuthenticationError" in stack.clutch.log_text()


def test_full_redis(stack):
    """New jobs are refused while there is still room for Celery's own notes: without it a worker ends itself."""
    urls = [stack.post(f"{n}") for n in range(4)]
    stack.wait_state(urls[0], "running")
    with stack.connect() as client:
        client.set("ballast", b"x" * BALLAST_BYTES)
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.95))
        reply = stack.call("/tasks?param=late", "POST")
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1") and b"is full" in reply.body
        stack.open()
        assert [stack.wait_state(url, "done")["attempts"] for url in urls] == [1] * 4
        # Celery takes a message out after the job has said that it is done: without room it would end itself.
        wait_until(lambda: client.hlen("unacked") == 0, "all messages to be taken out")
        client.config_set("maxmemory", "1mb")  # others fill it, too
        assert b"is full" in stack.call("/tasks?param=late", "POST").body
        assert stack.job(urls[0])["state"] == "done" and stack.call("/health").status == 200
        client.config_set("maxmemory", 0)
        client.delete("ballast")
    stack.wait_state(stack.post("later"), "done")


def test_started_before_redis(make_stack):
    stack = make_stack(concurrency=1, workers=1)
    stack.open()
    stack.clutch.stop()
    for part in (stack.celery, stack.redis):
        stack.kill_all(part)
    stack.clutch.start()
    assert stack.call("/health").status == 503
    stack.redis.start()
    stack.celery.start()
    assert stack.wait_state(stack.post(), "done")["attempts"] == 1
