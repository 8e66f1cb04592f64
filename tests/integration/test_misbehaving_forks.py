# SPDX-License-Identifier: MIT
"""Children that the application forks at odd places or for long, and programs that it starts: the response is the
parent's alone, and nobody but the server holds what is the server's."""

from __future__ import annotations

import socket

import pytest

from support.processes import children, descriptor_targets, is_running, open_descriptors
from support.server import BEHAVIOUR, own_host
from support.waiting import LIMIT_S, wait_until

OPTIONS = [[], ["--preload"], ["--threads", "3"]]


@pytest.fixture(scope="module", params=OPTIONS, ids=["plain", "preload", "3 threads"])
def server(request, start_module):
    return start_module("router", "--pythonpath", BEHAVIOUR, *request.param)


@pytest.mark.parametrize("path, body", [("writes", b"7"), ("executes", b"4"), ("threads", b"1"), ("process", b"1")])
def test_what_a_child_does(server, path, body):
    with server.connect() as connection:
        response = connection.request(f"/strays/{path}")
        assert (response.status, response.body) == (200, body)
        assert connection.request("/blocks/list-of-one").body == b"one"


@pytest.mark.parametrize("where", ["iter", "len", "close", "del", "shown", "iterator", "file", "close-exits"])
def test_a_child_that_comes_back_elsewhere(server, where):
    """It ends there. What it would send in its parent's place would come twice."""
    pid = server.worker_pids()[0]
    with server.connect() as connection:
        response = connection.request(f"/strays/{where}")
        if where == "shown":
            assert (response.status, response.body) == (500, b"Internal Server Error\n")
        else:
            assert (response.status, response.body) == (200, b"body of %d " % pid)
        for _ in range(3):
            assert connection.request("/sleeper/").body == b"%d" % pid
        wait_until(lambda: not any(is_running(child) for child in children(pid)), "the child to end")
        assert connection.is_silent()
    assert server.worker_pids() == [pid]


def test_a_child_that_leaves_close_by_an_exception(server):
    """It ends with the status that it asks for, and its sys.exit() is nothing to log."""
    server.request("/record/")
    server.request("/strays/close-exits")
    wait_until(lambda: ["child", {"status": "5"}] in server.request("/record/").json(), "the child's status")
    assert not server.log_contains("SystemExit")


def test_pools_of_multiprocessing(start):
    """The one that is spawned leaves a process behind, which goes with the worker."""
    server = start("router", "--pythonpath", BEHAVIOUR)
    for method in ("fork", "spawn"):
        assert server.request(f"/strays/pool?method={method}").body == b"[0, 2, 4, 6]"
    assert server.stop() == 0


def test_a_program_has_no_descriptors_of_the_server(server):
    with server.connect() as other:
        assert other.request("/blocks/list-of-one").body == b"one"
        assert server.request("/strays/descriptors").text == ""


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "preload", "3 threads"])
def test_a_child_that_stays_keeps_no_client_waiting(start, gate, options):
    """It has copies of all connections, which end for their clients nevertheless."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--keep-alive", "2", *options)
    with server.connect() as idle, server.connect() as closing:
        assert idle.request("/blocks/list-of-one").body == b"one"
        response = closing.request(f"/strays/stay?gate={gate.path}", headers=[("Connection", "close")])
        assert response.status == 200
        gate.wait_reached()
        assert closing.is_closed_by_server()
        assert server.request("/close/generator", version="1.0").is_complete
        assert server.exchange(b"nonsense\r\n\r\n").startswith(b"HTTP/1.")
        assert idle.is_closed_by_server(), "after --keep-alive"
        gate.release()
    wait_until(lambda: not is_running(int(response.text)), "the child to end")


@pytest.mark.parametrize("limit", [100, 3], ids=["all taken", "a low limit"])
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "preload", "3 threads"])
def test_a_child_made_where_no_descriptor_is_free(start, gate, options, limit):
    """It cannot open anything to find out what to let go of, but does."""
    server = start("router", "--pythonpath", BEHAVIOUR, *options, bind=[f"{own_host()}:0"])
    address = server.addresses()[0][1]
    with server.connect() as closing:
        target = f"/strays/stay-at-the-limit?limit={limit}&gate={gate.path}"
        response = closing.request(target, headers=[("Connection", "close")])
        assert response.status == 200
        gate.wait_reached()
        assert closing.is_closed_by_server()
    assert not shares_sockets(int(response.text), server.worker_pids()[0])
    server.send_signal(15)
    assert server.process.wait(LIMIT_S) == 0
    check_free(address)
    gate.release()
    assert server.wait_exit() == 0


def shares_sockets(child: int, parent: int) -> set[str]:
    """Returns which sockets both have, but for the worker's channel to the master, which is harmless."""
    names = [set(descriptor_targets(pid)) for pid in (child, parent)]
    shared = {name for name in names[0] & names[1] if name.startswith("socket:")}
    return shared if len(shared) > 1 else set()


def check_free(address) -> None:
    with socket.socket() as successor:
        successor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        successor.bind(address)
        successor.listen()


@pytest.mark.parametrize("path", ["stay", "program"])
@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["plain", "preload"])
def test_who_outlives_the_server_does_not_hold_its_address(start, gate, path, options):
    server = start("router", "--pythonpath", BEHAVIOUR, *options, bind=[f"{own_host()}:0"])
    pid = int(server.request(f"/strays/{path}?gate={gate.path}").text)
    gate.wait_reached()
    idle = server.connect()
    assert idle.request("/blocks/list-of-one").body == b"one"
    address = server.addresses()[0][1]
    server.send_signal(15)
    assert idle.is_closed_by_server()
    assert server.process.wait(LIMIT_S) == 0
    check_free(address)
    assert open_descriptors(pid), "it is still there"
    gate.release()
    assert server.wait_exit() == 0
