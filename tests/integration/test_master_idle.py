# SPDX-License-Identifier: MIT
"""A master that waits for something sleeps, also where several things happen at once."""

from __future__ import annotations

import os
import signal
import time

from support import processes
from support.client import make_request
from support.upgrades import APPLICATION, WAITS, gate_for_all, upgrade, wait_old_gone
from support.waiting import Gate

CALM_S = 1.0


def used_cpu_s(pid: int) -> float:
    """Within a second."""
    before = processes.cpu_seconds(pid)
    time.sleep(CALM_S)
    return processes.cpu_seconds(pid) - before


def test_a_worker_that_is_to_be_replaced_while_a_reload_is_under_way(serve_shop, write, gate):
    """Its successor waits until the reload is over, which may take long."""
    server = serve_shop("--max-requests", "2", workers=1)
    write("second", before=WAITS.format(path=gate.path))
    server.send_signal(signal.SIGHUP)
    gate.wait_reached()
    for _ in range(2):
        assert server.request("/").status == 200
    server.wait_for_log("is to be replaced")
    assert used_cpu_s(server.pid) < CALM_S / 4
    with gate_for_all(gate):
        server.wait_for_log("reload done")


def test_a_stop_while_the_master_before_has_not_ended(serve_shop, tmp_path):
    """It still sees to its last request; the new master, which is told to stop, to one of its own."""
    server = serve_shop(workers=1)
    gates = [Gate(tmp_path, name) for name in ("old", "new")]
    with server.connect() as old, server.connect() as new:
        old.send(make_request(f"/gated?{gates[0].path}"))
        gates[0].wait_reached()
        master = upgrade(server)
        new.send(make_request(f"/gated?{gates[1].path}"))
        gates[1].wait_reached()
        mark = server.log.mark()
        os.kill(master, signal.SIGTERM)
        server.wait_for_log("stopping: SIGTERM", after=mark)
        assert used_cpu_s(master) < CALM_S / 4
        gates[0].open()
        assert old.read_response().status == 200
        wait_old_gone(server, server.pid)
        assert used_cpu_s(master) < CALM_S / 4
        gates[1].open()
        assert new.read_response().status == 200
    for gate in gates:
        gate.release()
