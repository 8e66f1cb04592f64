# SPDX-License-Identifier: MIT
"""Redis goes away: callers are told at once; what was accepted is done when it is back."""

import os
import signal

from stack import wait_until

# Two steps of 0.3 s at most, on a machine that does much else.
BOUND_S = 5.0
CALLERS = 20


def check_refusals(stack, url):
    targets = [f"/?param=late_{n}" for n in range(CALLERS)] + [url, "/health"]
    for target, reply in zip(targets, stack.call_at_once(targets)):
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1"), target
        assert reply.headers["Content-Type"].startswith("text/plain") and b"Redis" in reply.body and b"Traceback" not in reply.body
        assert reply.took_s < BOUND_S, target


def test_redis_killed_in_the_middle(make_stack):
    stack = make_stack(concurrency=2, workers=5)
    urls = [stack.post(f"Request_{n}") for n in range(CALLERS)]
    wait_until(lambda: stack.count_states(urls).get("running") == 2, "two run")
    stack.kill_all(stack.redis)
    check_refusals(stack, urls[0])
    stack.open()  # the two end while Redis is away
    check_refusals(stack, urls[0])
    stack.redis.start()
    wait_until(lambda: stack.call("/health").status == 200, "health", BOUND_S)
    new = stack.post("new")
    jobs = [stack.wait_state(url, "done") for url in urls + [new]]
    assert [job["param"] for job in jobs] == [f"Request_{n}" for n in range(CALLERS)] + ["new"]
    assert stack.celery.process.poll() is None and stack.clutch.process.poll() is None


def test_redis_that_hangs(make_stack):
    stack = make_stack(concurrency=1, workers=5)
    url = stack.post()
    os.kill(stack.redis.process.pid, signal.SIGSTOP)
    try:
        check_refusals(stack, url)
    finally:
        os.kill(stack.redis.process.pid, signal.SIGCONT)
    stack.open()
    assert stack.wait_state(url, "done")["result"] == "true"
    wait_until(lambda: stack.call("/tasks", "POST").status == 202, "accepts again", BOUND_S)


def test_started_before_redis(make_stack):
    stack = make_stack(concurrency=1, workers=1)
    stack.open()
    stack.clutch.stop()
    stack.celery.stop()
    stack.redis.stop()
    stack.clutch.start()
    assert stack.call("/health").status == 503
    stack.redis.start()
    stack.celery.start()
    assert stack.wait_state(stack.post(), "done")["attempts"] == 1
