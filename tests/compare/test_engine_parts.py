# SPDX-License-Identifier: MIT
"""Parts of the engine: the machine's facts, signals, what a peer tells, how failures are put into words."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import types

import aiohttp
import pytest
from compare import failures, document, experiment, interrupts, load, machine


def make_requests(count, **fields):
    return [{**document.make_request(number, 1, number * 100), **fields} for number in range(1, count + 1)]


# The machine.


def test_granted_cpus_are_those_that_clutch_counts(clutch):
    text = subprocess.run([clutch, "--print-config", "-w", "auto", "app"], capture_output=True, text=True, check=False)
    seen = re.search(r"workers\s+auto \((\d+)\)", text.stdout)
    assert abs(int(seen[1]) - machine.granted_cpus()) < 1
    assert machine.granted_cpus() <= len(os.sched_getaffinity(0))


def test_a_quota_counts(monkeypatch, tmp_path):
    outer = tmp_path / "outer"
    (outer / "inner").mkdir(parents=True)
    (outer / "cpu.max").write_text("50000 100000\n")
    (outer / "inner" / "cpu.max").write_text("max 100000\n")
    monkeypatch.setattr(machine, "_own_cgroups", lambda: [outer / "inner", outer, tmp_path])
    assert machine.granted_cpus() == 0.5


def test_versions(clutch):
    version, python = machine.read_versions(clutch)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version) and python.startswith("3.")


# Signals.


@pytest.fixture
def signals():
    """Both signals are handled as in a comparison; afterwards as before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    interrupts.install()
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_interrupts(signals):
    with pytest.raises(KeyboardInterrupt):
        signals()


def test_a_deferred_signal_comes_at_the_end(signals):
    steps = []
    with pytest.raises(KeyboardInterrupt), interrupts.deferred():
        with interrupts.deferred():
            signals()
            steps.append("inner")
        steps.append("outer")
    assert steps == ["inner", "outer"]
    with interrupts.deferred():
        pass  # and only once


def test_a_signal_can_do_something_else(signals):
    calls = []
    with interrupts.call_instead(lambda: calls.append(1)):
        signals()
    assert calls == [1]


def test_a_signal_that_came_before_does_something_else_too(signals):
    """As in the moment before the load is sent."""
    calls = []
    with pytest.raises(KeyboardInterrupt), interrupts.deferred():
        signals()
        with interrupts.call_instead(lambda: calls.append(1)):
            assert calls == [1]


def test_a_signal_right_behind_the_last_of_the_work_counts(signals):
    """There is nothing to cancel any more; and no other signal would be heard."""

    async def work():
        asyncio.get_running_loop().call_soon(signals)

    async def run():
        return await interrupts.run_together([work()])

    assert asyncio.run(run())


def test_a_second_signal_does_nothing(signals):
    """Else it would cut short what the first one has begun: the end of the server, the table, the files."""
    with pytest.raises(KeyboardInterrupt):
        signals()
    signals()
    with interrupts.deferred():
        signals()
    with interrupts.call_instead(lambda: pytest.fail("called")):
        signals()


def test_at_the_end_signals_do_nothing(signals):
    interrupts.over()
    signals()
    with interrupts.deferred():
        signals()
    interrupts.install()
    with pytest.raises(KeyboardInterrupt):
        signals()


def test_a_clock_that_is_set_changes_no_moment(monkeypatch):
    """The wall clock jumps back by an hour while a load is sent: durations stay right, and it is said."""
    sender = load._Sender(load.Load(), 1, load.begin(), None, None)
    hour_ns = 3_600_000_000_000
    wall = [5 * hour_ns]
    monkeypatch.setattr(load.time, "time_ns", lambda: wall[0])

    async def one_request(_client):
        before = sender._now_us()
        wall[0] -= hour_ns
        assert 0 <= sender._now_us() - before < 1_000_000

    monkeypatch.setattr(sender, "_run_client", one_request)
    monkeypatch.setattr(sender, "load", load.Load(clients=1, requests=1))
    assert asyncio.run(sender.send_all()) is False
    assert sender.sent.stepped_us == [pytest.approx(-3.6e9, abs=1e6)]
    sender.sent.requests.extend(make_requests(1, status=200))
    done = document.make_run("clutch", "0", 1, 1, 1.0)
    subject = types.SimpleNamespace(join=lambda *_: None, log_text=lambda: "")
    experiment.complete(done, sender.sent, subject)
    assert done["notes"][0].startswith("the clock was set by -3600.000 s")


# What a peer tells.


def test_the_stamps_of_a_peer_are_joined():
    sent = load.Sent("0a", make_requests(3), [], [1_000_000], [0])
    for pid, thread, begin in ((70, 5, 1_000_300), (71, 9, 1_000_200)):
        sent.stamps.append({"pid": pid, "thread_id": thread, "begin_us": begin, "end_us": begin + 50})
    sent.stamps.append(None)  # an answer of the server itself
    experiment.PeerSubject.join(types.SimpleNamespace(), {}, sent)
    seen = [[each[name] for name in ("pid", "worker", "thread", "begun_us", "app_us")] for each in sent.requests]
    assert seen == [[70, 2, 0, 300, 50], [71, 1, 0, 200, 50], [None] * 5]
    assert all(each["queue_us"] is None and each["arrived_us"] is None for each in sent.requests)


def test_settling_waits_until_nobody_works():
    used = iter([0.1, 0.2, 0.2003, 9.9])  # some servers look around now and then
    busy = types.SimpleNamespace(cpu_s=lambda: next(used))
    experiment.PeerSubject.settle(types.SimpleNamespace(), busy)
    assert list(used) == [9.9]


# Failures in words.


def explain(requests, log=""):
    done = document.make_run("clutch", "0", 1, 1, 1.0)
    done["requests"] = requests
    failures.explain_failures(done, log)
    return done


def test_no_failure_is_not_mentioned():
    done = explain(make_requests(2, status=200))
    assert done["error"] is None and done["notes"] == []


def test_reasons_are_counted():
    requests = (
        make_requests(4, status=500) + make_requests(2, error="no answer within 1 s") + make_requests(3, status=204)
    )
    (note,) = explain(requests)["notes"]
    assert note == "6 of 9 requests failed: 4 x status 500, 2 x no answer within 1 s"


def test_what_was_interrupted_has_not_failed():
    done = explain(make_requests(3, error=load.INTERRUPTED))
    assert done["error"] is None and done["notes"] == []


HANDLED = "[error] shop\nTraceback (most recent call last):\n  File \"shop.py\", line 1, in f\nKeyError: 1\n"


def test_a_framework_that_answers_500_by_itself_has_its_traceback_told():
    assert explain(make_requests(1, status=500), HANDLED)["error"].splitlines()[1] == "KeyError: 1"


def test_a_traceback_that_the_application_has_dealt_with_is_no_news():
    assert explain(make_requests(1, status=200), HANDLED)["notes"] == []


def test_a_long_traceback_loses_its_middle():
    text = failures.cut("\n".join(f"line {number}" for number in range(100)))
    assert len(text.splitlines()) == 41
    assert text.startswith("line 0\n") and "\n  ...\n" in text and text.endswith("\nline 99")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (asyncio.TimeoutError(), "no answer within 3 s"),
        (aiohttp.ServerDisconnectedError(), "the server closed the connection before its answer"),
        (aiohttp.ClientPayloadError("x"), "the answer broke off"),
        (ConnectionResetError(104, "reset"), "the server reset the connection"),
        (OSError(24, "Too many open files"), "Too many open files"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_errors_in_words(error, words):
    assert load.explain(error, 3.0) == words
