# SPDX-License-Identifier: MIT
"""setup/container/nginx.conf when something goes: a client, a worker, a connection that was kept."""

from __future__ import annotations

import os
import signal

from support.client import make_request
from support.monitor import ANY_PORT, Monitor
from support.waiting import Gate

WARM = "/blocks/list-of-one"


def wait_replaced(server, mark):
    """Waits until the worker that died is replaced and the new one has loaded the application."""
    server.wait_for_log("was killed by signal 9", after=mark)
    server.wait_for_log(r"worker \d+: application .* ready", after=mark)


def worker_processes_of(nginx):
    """The pids of nginx's own workers."""
    with open(f"/proc/{nginx.process.pid}/task/{nginx.process.pid}/children", encoding="ascii") as children:
        return [int(pid) for pid in children.read().split()]


def test_a_client_that_hangs_up_while_it_waits(start, front, tmp_path):
    """nginx passes the end on, and clutch drops the request before the application sees it."""
    gate = Gate(tmp_path)
    server = start(None, "--access-logfile", "-", *ANY_PORT, "router", workers=1)
    nginx = front(server)
    with nginx.connect() as first, nginx.connect() as second:
        first.send(make_request(f"/gated/?tag=first&gate={gate.path}"))
        gate.wait_reached()
        second.send(make_request("/gated/?tag=second"))
        Monitor(server).wait_for(lambda figures: figures.get("clutch_queue_requests") == 1, "nginx has passed it on")
        assert second.is_silent(0.3)  # an end within 50 ms of the request only means that there is no more to come
        second.close()
        nginx.access.wait_for(r'tag=second HTTP/1.1" 499')
        gate.open()
        assert first.read_response().status == 200
    server.out.wait_for(r'tag=second HTTP/1.1" 499')
    assert server.out.find("gated request second") is None


def test_kept_connections_of_a_dead_worker(start, front):
    server = start(workers=1)
    nginx = front(server)
    with nginx.connect() as client:
        assert client.request(WARM).status == 200
        mark = server.log.mark()
        server.kill_worker()
        wait_replaced(server, mark)
        assert client.request(WARM).status == 200


def test_a_request_meets_the_end_of_a_kept_connection(start, front):
    """nginx finds both at once: a request, and that the connection it would use has ended."""
    server = start(workers=1)
    nginx = front(server)
    with nginx.connect() as client:
        assert client.request(WARM).status == 200
        stopped = worker_processes_of(nginx)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            mark = server.log.mark()
            client.send(make_request(WARM))
            server.kill_worker()
            wait_replaced(server, mark)
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        assert client.read_response().status == 200


def test_a_get_is_tried_again_when_its_worker_dies(start, front, tmp_path):
    """On a connection that was kept: nginx cannot tell whether it was old. The second worker answers."""
    first_gate = Gate(tmp_path, "first")
    server = start(workers=1)
    nginx = front(server)
    assert nginx.request(WARM).status == 200
    with nginx.connect() as client:
        client.send(make_request(f"/gated/?tag=again&gate={first_gate.path}"))
        first_gate.wait_reached()
        mark, out_mark = server.log.mark(), server.out.mark()
        server.kill_worker()
        first_gate.release()
        wait_replaced(server, mark)
        server.out.wait_for("gated request again waits", after=out_mark)
        first_gate.open()
        answer = client.read_response()
    assert (answer.status, answer.body) == (200, f"again served by {server.worker_pids()[0]}".encode())


def test_a_post_is_never_sent_twice(start, front, tmp_path):
    gate = Gate(tmp_path)
    server = start(workers=1)
    nginx = front(server)
    assert nginx.request(WARM).status == 200
    with nginx.connect() as client:
        client.send(make_request(f"/gated/?tag=once&gate={gate.path}", "POST", body=b"x"))
        gate.wait_reached()
        mark = server.log.mark()
        server.kill_worker()
        gate.release()
        assert client.read_response().status == 502
        wait_replaced(server, mark)
    assert nginx.request(WARM).status == 200
    assert len(server.out.find_all("gated request once waits")) == 1


def test_a_full_queue_is_told_to_the_client(start, front, tmp_path):
    gate = Gate(tmp_path)
    server = start("router", "--queue-timeout", "100ms", workers=1)
    nginx = front(server)
    with nginx.connect() as first:
        first.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        refused = nginx.request(WARM)
        assert refused.status == 503 and refused.header("Retry-After")
        gate.open()
        assert first.read_response().status == 200
