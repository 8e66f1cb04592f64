# SPDX-License-Identifier: MIT
"""More connections than descriptors, more requests than workers: everybody is served, and a free worker never sits
by."""

from __future__ import annotations

import shutil

import pytest

from support.client import make_request
from support.server import BEHAVIOUR, PATIENT
from support.waiting import Gate

DESCRIPTORS = 100


@pytest.fixture
def scarce(start):
    """A server whose processes may open few descriptors; its applications are imported while there are some."""
    assert shutil.which("prlimit"), "prlimit (util-linux) is needed"
    server = start("router", "--pythonpath", BEHAVIOUR, *PATIENT, prefix=["prlimit", f"--nofile={DESCRIPTORS}"])
    for path in ("/blocks/list-of-one", "/echo_body/raw"):
        assert server.request(path).status == 200
    return server


def test_idle_connections_make_room(scarce):
    """With no descriptor left the connection that has been idle the longest is closed."""
    connections = []
    for _ in range(DESCRIPTORS * 2):
        connections.append(scarce.connect())
        assert connections[-1].request("/blocks/list-of-one").body == b"one"
    assert connections[0].is_closed_by_server()
    assert connections[-1].request("/blocks/list-of-one").body == b"one"


def test_busy_connections_are_not_dropped_for_new_ones(scarce):
    """All descriptors are taken by requests that are half here; the next one waits until one of them is through."""
    data = make_request("/echo_body/raw", "POST", body=b"hello")
    stuck = [scarce.connect() for _ in range(DESCRIPTORS)]
    for connection in stuck:
        connection.send(data[:-1])
    late = scarce.connect()
    late.send(make_request("/blocks/list-of-one"))
    for connection in stuck:
        connection.send(data[-1:])
    for connection in stuck:
        assert connection.read_response().body == b"hello"
        connection.close()
    assert late.read_response().body == b"one"


def test_descriptors_are_left_for_the_application(scarce, tmp_path):
    """However many connections there are, the application can still open its files."""
    file = tmp_path / "file"
    file.write_text("content")
    data = make_request(f"/file_wrapper/plain?file={file}")
    stuck = [scarce.connect() for _ in range(DESCRIPTORS)]
    for connection in stuck:
        connection.send(data[:-1])
    for connection in stuck:  # all of them: which ones have been accepted by now is not known
        connection.send(data[-1:])
    for connection in stuck:
        assert connection.read_response().body == b"content"
        connection.close()


def test_too_few_descriptors_to_serve_at_all(start):
    server = start("router", "--pythonpath", BEHAVIOUR, prefix=["prlimit", "--nofile=20"], ready=False)
    assert server.wait_exit() == 1
    assert server.log_contains(r"\[critical\].*open files; the limit is 20")


def test_a_free_worker_serves_everybody(start, tmp_path):
    """Two of three workers are held; all new connections find the third."""
    server = start("router", "--pythonpath", BEHAVIOUR, workers=3)
    gates = [Gate(tmp_path, f"gate{i}") for i in range(2)]
    held = [server.connect() for _ in gates]
    for gate, connection in zip(gates, held):
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
    pids = set()
    for _ in range(50):
        response = server.request("/sleeper/?ms=0")
        pids.add(int(response.body))
    assert len(pids) == 1 and pids < set(server.worker_pids())
    for gate, connection in zip(gates, held):
        gate.open()
        assert connection.read_response().status == 200


def test_as_many_at_once_as_there_are_workers(start, tmp_path):
    """Every worker takes one of the requests that come at the same time."""
    server = start("router", "--pythonpath", BEHAVIOUR, workers=4)
    gates = [Gate(tmp_path, f"gate{i}") for i in range(4)]
    connections = [server.connect() for _ in gates]
    for gate, connection in zip(gates, connections):
        connection.send(make_request(f"/gated/?gate={gate.path}"))
    for gate in gates:
        gate.wait_reached()
    served_by = set()
    for gate, connection in zip(gates, connections):
        gate.open()
        served_by.add(connection.read_response().body)
    assert len(served_by) == 4


def test_many_clients_at_once(start):
    """Five hundred connections, all open, each with a request: no answer is lost or mixed up."""
    server = start("echo_environ", "--pythonpath", BEHAVIOUR, *PATIENT, workers=2)
    connections = [server.connect() for _ in range(500)]
    for number, connection in enumerate(connections):
        connection.send(make_request(f"/{number}"))
    for number, connection in enumerate(connections):
        assert connection.read_response().json()["environ"]["PATH_INFO"] == ["str", f"/{number}"]
