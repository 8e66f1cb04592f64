# SPDX-License-Identifier: MIT
"""What a worker that somebody has taken over writes to the memory that all processes share: the master and the monitor
believe none of it."""

from __future__ import annotations

import signal

import pytest

from support.control import Control, any_name
from support.manager import NotifySocket
from support.monitor import Monitor

APPLICATION = '''
import ctypes
import random
import re


def fill(start, end, seed):
    size = end - start
    if seed < 256:
        ctypes.memset(start, seed, size)
    else:
        numbers, extremes = random.Random(seed), (0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
        words = b"".join(
            numbers.choice((numbers.getrandbits(64), numbers.choice(extremes))).to_bytes(8, "little") for _ in range(8192)
        )
        for at in range(start, end, len(words)):
            ctypes.memmove(at, words, min(len(words), end - at))


def application(environ, start_response):
    if environ["PATH_INFO"] == "/scribble":
        with open("/proc/self/maps") as maps:
            areas = re.findall("^([0-9a-f]+)-([0-9a-f]+) rw-s", maps.read(), re.MULTILINE)
        for start, end in areas:
            fill(int(start, 16), int(end, 16), int(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"served"]
'''


@pytest.fixture
def manager(tmp_path):
    made = NotifySocket(str(tmp_path / "notify"))
    yield made
    made.close()


@pytest.mark.parametrize("seed", [0x01, 0x7F, 0x80, 0xFF, 256, 257])
def test_nonsense_in_all_shared_memory(start, manager, tmp_path, seed):
    """The server is neither stopped nor held up; only figures may be wrong."""
    (tmp_path / "app.py").write_text(APPLICATION)
    control = Control(any_name())
    server = start(
        "app", "--pythonpath", tmp_path, "--metrics-bind", "127.0.0.1:0", "--control-socket", control.address,
        workers=2, environment={"NOTIFY_SOCKET": manager.path},
    )  # fmt: skip
    monitor = Monitor(server)
    manager.wait_for("READY", "1")
    assert server.request(f"/scribble?{seed}").status == 200

    assert monitor.get("/metrics").status == 200
    assert control.status()["server"]["pid"] == server.pid
    assert control.get("/stacks").status == 200

    server.kill_worker()
    server.wait_for_log("was killed by signal 9")
    server.send_signal(signal.SIGHUP)
    manager.wait_for("RELOADING", "1")
    server.wait_for_log("reload done: generation 2 serves")
    manager.wait_for("READY", "1", count=2)
    assert server.request("/").body == b"served"
    assert not any("STOPPING" in message for message in manager.messages)
    assert server.stop() == 0
