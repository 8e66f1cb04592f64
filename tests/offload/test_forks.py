# SPDX-License-Identifier: MIT
"""Connections belong to one process, whenever the application was loaded; threads share them."""

import os

import pytest
from offload.per_process import PerProcess

CALLS = 60


@pytest.mark.parametrize("app", ["offload.app", "eager"])
def test_preloaded(make_stack, app):
    stack = make_stack(concurrency=2, workers=3, options=["--preload", "--threads", "4"], app=app)
    stack.open()
    replies = stack.call_at_once([f"/?param=Request_{n}" for n in range(CALLS)])
    assert [reply.status for reply in replies] == [202] * CALLS
    urls = [reply.headers["Location"] for reply in replies]
    found = [reply.json() for reply in stack.call_at_once(urls)]
    assert [(job["param"], f"/tasks/{job['id']}") for job in found] == [(f"Request_{n}", url) for n, url in enumerate(urls)]
    assert {stack.wait_state(url, "done")["attempts"] for url in urls} == {1}


def test_each_process_makes_its_own():
    made = []
    value = PerProcess(lambda: made.append(None) or object())
    before = value.get()
    assert value.get() is before and len(made) == 1
    child = os.fork()
    if child == 0:
        os._exit(0 if value.get() is not before and value.get() is value.get() and len(made) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert value.get() is before
