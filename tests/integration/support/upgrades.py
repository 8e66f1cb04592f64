# SPDX-License-Identifier: MIT
"""Upgrades (SIGUSR2): the application that is served, and how to begin one and see its end."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest

from support import processes

APPLICATION = """
import os, sys
VERSION = {version!r}
{before}
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Pid", str(os.getpid()))])
    if environ["PATH_INFO"] == "/gated":
        open(environ["QUERY_STRING"]).read()
    if environ["PATH_INFO"] == "/environment":
        return [repr(dict(os.environ)).encode()]
    if environ["PATH_INFO"] == "/where":
        umask = open("/proc/self/status").read().partition("Umask:\\t")[2][:4]
        return [f"{{os.getcwd()}} {{umask}}".encode()]
    return [VERSION.encode()]
"""

WAITS = "os.read(os.open({path!r}, os.O_RDONLY), 1)"

DONE = r"upgrade done after \d+ ms: master (?P<pid>\d+) serves"
ROLLED_BACK = r"upgrade failed and rolled back: (?P<why>.*); master (?P<pid>\d+) serves on"
MODES = pytest.mark.parametrize("options", [[], ["--preload"]], ids=["lazy", "preload"])


def end(server) -> None:
    """Stops whichever master serves."""
    if server.master_pid == server.pid or server.status is not None:
        return
    server.descriptors_at_start.clear()
    if processes.is_running(server.master_pid):
        os.kill(server.master_pid, signal.SIGTERM)
    assert server.wait_exit() == 0


@contextlib.contextmanager
def gate_for_all(gate):
    """Nobody has to wait at the gate."""
    fd = os.open(gate.path, os.O_RDWR | os.O_NONBLOCK)
    os.write(fd, b"\n" * 100)
    yield
    os.close(fd)


def upgrade(server) -> int:
    """Returns the pid of the new master."""
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    server.master_pid = int(server.wait_for_log(DONE, after=mark)["pid"])
    return server.master_pid


def begin_held(server, write, gate, after: str = "") -> int:
    """Begins an upgrade to "second", whose application waits at the gate while it is loaded, and then does `after`.
    Returns the pid of the new master."""
    write("second", before=WAITS.format(path=gate.path) + after)
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    gate.wait_reached()
    return int(server.wait_for_log(r"is started as master (\d+)", after=mark)[1])


def wait_old_gone(server, pid: int) -> None:
    """A zombie until the test's own process has waited for it; or gone."""
    processes.wait_gone([pid], f"master {pid}")


def fail_to_upgrade(server) -> str:
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    found = server.wait_for_log(ROLLED_BACK, after=mark)
    assert int(found["pid"]) == server.master_pid
    return found["why"]


def replace(program, text: str | None) -> None:
    """Puts a script in place of the program, or nothing."""
    program.unlink()
    if text is not None:
        program.write_text(text)
        program.chmod(0o755)
