# SPDX-License-Identifier: MIT
"""No descriptor is left, or no process can be forked: what is there goes on, nobody spins, and what is missing comes
when there is room again."""

from __future__ import annotations

import contextlib
import signal
import time

import pytest

from support import processes
from support.client import make_request
from support.faults import Faults
from support.kernel import wake_ups
from support.server import BEHAVIOUR, SPAWNED
from support.waiting import wait_until

HELLO = "/blocks/list-of-one"
DESCRIPTORS = 100
PATIENCE = 40  # accepting is tried again ten times a second


@pytest.fixture
def scarce(start):
    """A server whose processes may open few descriptors, and that has few left after its imports."""
    server = start(
        "router", "--pythonpath", BEHAVIOUR, "--keep-alive", "300", "--head-timeout", "300",
        prefix=["prlimit", f"--nofile={DESCRIPTORS}"],
    )
    for path in (HELLO, "/echo_body/raw"):
        assert server.request(path).status == 200
    return server


@contextlib.contextmanager
def crowd(server, count: int):
    """Connections whose requests are half here, so that none of them can be closed."""
    data = make_request("/echo_body/raw", "POST", body=b"hello")
    stuck = [server.connect() for _ in range(count)]
    for connection in stuck:
        connection.send(data[:-1])
    yield stuck
    for connection in stuck:
        connection.close()


def test_nobody_spins_while_connections_wait(scarce):
    """The listener is readable all the time. The worker is woken a few times a second, and says why once."""
    served = scarce.connect()
    served.request(HELLO)
    served.send(make_request("/echo_body/raw", "POST", body=b"kept")[:-1])
    with crowd(scarce, DESCRIPTORS * 2):
        pid = scarce.worker_pids()[0]
        scarce.wait_for_log(r"\[warning\] worker 1: accept: Too many open files; new connections wait \(said once a minute\)")
        cpu_s, wakes, began_s = processes.cpu_seconds(pid), sum(wake_ups(pid).values()), time.monotonic()
        time.sleep(1.5)
        used_s, woken = processes.cpu_seconds(pid) - cpu_s, sum(wake_ups(pid).values()) - wakes
        passed_s = time.monotonic() - began_s
        assert used_s < 0.2 * passed_s
        assert woken < PATIENCE * 2 * passed_s
        served.send(b"t")
        assert served.read_response().body == b"kept", "those that are there are served"
        assert len(scarce.log.find_all("new connections wait")) == 1
    assert scarce.request(HELLO).body == b"one", "the others are, once there is room"


def test_the_application_takes_all_descriptors(start, tmp_path):
    """And gives them back with the next request on the connection that is there; who came meanwhile has waited."""
    (tmp_path / "hoarder.py").write_text(HOARDER)
    server = start("hoarder", "--pythonpath", tmp_path, prefix=["prlimit", f"--nofile={DESCRIPTORS}"])
    with server.connect() as connection:
        give = make_request("/give")
        connection.send(make_request("/take") + give[:10])  # so that it is not idle, and not closed to make room
        assert connection.read_response().body == b"took"
        late = server.connect()
        late.send(make_request("/late"))
        server.wait_for_log("accept: Too many open files")
        assert late.is_silent(0.3)
        connection.send(give[10:])
        assert connection.read_response().body == b"gave"
        assert late.read_response().body == b"fine"


HOARDER = '''
import os

kept = []

def application(environ, start_response):
    answer = b"fine"
    if environ["PATH_INFO"] == "/take":
        answer = b"took"
        try:
            while True:
                kept.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
    elif environ["PATH_INFO"] == "/give":
        answer = b"gave"
        while kept:
            os.close(kept.pop())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer]
'''


@pytest.fixture
def forking(start, tmp_path, is_sanitized):
    if is_sanitized:
        pytest.skip("the shim and sanitizers do not go together")

    def start_one(*options):
        faults = Faults(tmp_path)
        server = start("router", "--pythonpath", BEHAVIOUR, *options, workers=2, environment=faults.environment)
        return server, faults

    return start_one


def spawned_again(server, mark: int) -> None:
    server.wait_for_log(SPAWNED.pattern.replace(r"(?P<number>\d+)", "1"), after=mark)
    server.wait_for_log("worker 1: application router ready|worker 1: ready", after=mark)


def test_the_master_cannot_fork(forking):
    """It says so, tries again after a growing pause, and the other worker serves meanwhile."""
    server, faults = forking()
    mark = server.log.mark()
    faults.forks_to_fail = 2
    began_s = time.monotonic()
    server.kill_worker()
    server.wait_for_log(r"\[error\] master: cannot start a worker: Resource temporarily unavailable", after=mark, count=2)
    assert server.request(HELLO).body == b"one"
    spawned_again(server, mark)
    assert time.monotonic() - began_s > 1.4, "pauses of 0.5 and 1 s"
    assert faults.forks_failed == 2
    assert len(processes.children(server.pid)) == 2


def test_the_zygote_cannot_fork(forking):
    server, faults = forking("--preload")
    mark = server.log.mark()
    faults.forks_to_fail = 2
    server.kill_worker()
    server.wait_for_log(r"\[error\] zygote: cannot fork worker 1: Resource temporarily unavailable", after=mark, count=2)
    assert server.request(HELLO).body == b"one"
    server.wait_for_log(SPAWNED.pattern.replace(r"(?P<number>\d+)", "1"), after=mark)
    assert server.request(HELLO).body == b"one"


def test_the_system_has_no_file_left_for_a_new_worker(forking):
    """As where the master cannot fork."""
    server, faults = forking()
    mark = server.log.mark()
    faults.pairs_to_fail = 2
    server.kill_worker()
    server.wait_for_log(r"\[error\] master: cannot start a worker: Too many open files in system", after=mark, count=2)
    assert server.request(HELLO).body == b"one"
    spawned_again(server, mark)
    assert faults.pairs_failed == 2
    assert server.stop() == 0


def test_the_system_has_no_file_left_for_a_new_connection(forking):
    """It waits until there is one; that is said once, and those that are there are served."""
    server, faults = forking()
    with server.connect() as old:
        assert old.request(HELLO).body == b"one"
        old.send(make_request("/echo_body/raw", "POST", body=b"kept")[:-1])  # so that it is not closed to make room
        began_s = time.monotonic()
        faults.accepts_to_fail = 1 << 30
        late = server.connect()
        late.send(make_request(HELLO))
        server.wait_for_log(r"\[warning\] worker \d: accept: Too many open files in system; new connections wait")
        old.send(b"t")
        assert old.read_response().body == b"kept"
        assert late.is_silent(0.3)
        faults.accepts_to_fail = 0
        passed_s = time.monotonic() - began_s
        assert late.read_response().body == b"one"
    assert 0 < faults.accepts_failed < PATIENCE * (1 + passed_s), "nobody spins"


def test_nothing_can_be_forked_at_the_start(start, tmp_path, is_sanitized):
    """Then there is no server: it ends with the reason."""
    if is_sanitized:
        pytest.skip("the shim and sanitizers do not go together")
    faults = Faults(tmp_path)
    faults.forks_to_fail = 100
    server = start("router", "--pythonpath", BEHAVIOUR, workers=2, environment=faults.environment, ready=False)
    assert server.wait_exit() != 0
    assert server.log_contains("cannot start a worker: Resource temporarily unavailable")


def test_there_are_descriptors_for_more_workers_than_at_the_start(start):
    """The soft limit is raised as far as it may be: TTIN makes twice as many, and a reload has twice that."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--preload", workers=20, prefix=["prlimit", "--nofile=100:4096"])
    for count in range(21, 41):
        server.send_signal(signal.SIGTTIN)
        server.wait_for_log(rf"one worker more: {count}$")
    wait_until(lambda: len(server.worker_pids()) == 40, "all workers to be there")
    server.send_signal(signal.SIGHUP)
    server.wait_for_log("generation 2 serves with 40 workers")
    assert not server.log_contains("[Tt]oo many open files")
