# SPDX-License-Identifier: MIT
"""A server as a child process, in a session of its own: started, waited for, measured, ended."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Union

from compare import guard, interrupts, processes
from compare.failures import explain_start

POLL_S = 0.005
KILL_LIMIT_S = 10.0  # what has not ended by then after SIGKILL is held by the kernel

# How a server tells that it is ready: a pattern that its log has `count` times, or that a connection is taken.
Sign = NamedTuple("Sign", [("pattern", str), ("count", int)])
Ready = Union[Sign, Callable[["Server"], bool]]


class StartError(Exception):
    """A server that did not start; the message is for the user, the application's own traceback included."""


class Memory(NamedTuple):
    pss_bytes: int
    processes: int


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_environment(extra: Optional[Dict[str, str]] = None) -> Dict[str, str]:
    """Returns the user's environment for a server, with `extra`: without CLUTCH_* options, which would change some
    settings of a comparison behind its back (CLUTCH_DEMO_* belong to applications and stay), and with the user's own
    PYTHONPATH, which setup/compare keeps in COMPARE_PYTHONPATH."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CLUTCH_") or name.startswith("CLUTCH_DEMO_")
    }
    own_path = environment.pop("COMPARE_PYTHONPATH", None)
    if own_path is not None:
        environment.pop("PYTHONPATH", None)
        if own_path:
            environment["PYTHONPATH"] = own_path
    environment.update(extra or {})
    return environment


def takes_connections(server: "Server") -> bool:
    """A sign of readiness for servers whose log has none."""
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=1.0).close()
    except OSError:
        return False
    return True


class Server:
    """One server. `command` must make it listen at 127.0.0.1:`port`; what it prints goes to the file `log`.

    with Server(command, port, log) as server: ... starts it, waits until it is ready and ends it, whatever happens
    inside.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        log: pathlib.Path,
        ready: Ready = Sign(r"ready: \d+ workers? serve", 1),
        environment: Optional[Dict[str, str]] = None,
        limit_s: float = 90.0,
    ):
        self.command = [str(word) for word in command]
        self.port = port
        self.log = pathlib.Path(log)
        self.ready = ready
        self.environment = make_environment(environment)
        self.limit_s = limit_s
        self.process: Optional["subprocess.Popen[bytes]"] = None
        self.ready_s: Optional[float] = None
        self.status: Optional[int] = None  # its exit status once it has ended

    def __enter__(self) -> "Server":
        try:
            return self.start()
        except BaseException:
            self.stop(patience_s=0.5)
            raise

    def __exit__(self, error: object, *_: object) -> None:
        self.stop(patience_s=0.5 if error else 5.0)

    # The start.

    def start(self) -> "Server":
        """Starts it and returns when it is ready. Raises StartError when it ends before that, or is not ready in
        time."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        try:
            with open(self.log, "wb") as log, interrupts.deferred():
                self._check_program()
                self.process = subprocess.Popen(
                    guard.command(self.command),
                    stdin=guard.pipe(),
                    stdout=log,
                    stderr=log,
                    env=self.environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise StartError(f"cannot start {self.command[0]}: {error.strerror}") from None
        while not self._is_ready():
            self.status = self.process.poll()
            if self.status is not None:
                raise StartError(explain_start(self.log_text(), self.status))
            if time.monotonic() - started > self.limit_s:
                raise StartError(explain_start(self.log_text(), None, self.limit_s))
            time.sleep(POLL_S)
        self.ready_s = time.monotonic() - started
        return self

    def _check_program(self) -> None:
        """Raises OSError when there is no such program; a shell starts it, which would only print that."""
        if shutil.which(self.command[0], path=self.environment.get("PATH")) is None:
            number = errno.EACCES if os.path.exists(self.command[0]) else errno.ENOENT
            raise OSError(number, os.strerror(number))

    def _is_ready(self) -> bool:
        if isinstance(self.ready, Sign):
            return len(re.findall(self.ready.pattern, self.log_text())) >= self.ready.count
        return self.ready(self)

    def log_text(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    # Measuring.

    def pids(self) -> List[int]:
        """The pids of its session, the first process first."""
        assert self.process is not None
        return processes.pids_of(self.process.pid)

    def memory(self) -> Memory:
        """Proportional set size of all its processes: pages that several share count in parts."""
        sizes = [size for size in map(processes.pss_bytes, self.pids()) if size is not None]
        return Memory(sum(sizes), len(sizes))

    def cpu_s(self) -> float:
        """Seconds of CPU, user and system, that its processes have used, also those that have ended."""
        assert self.process is not None
        return processes.session_cpu_s(self.process.pid)

    # The end.

    def stop(self, patience_s: float = 5.0) -> Optional[int]:
        """Ends it: SIGTERM; after `patience_s` another one, which hurries clutch; after as long again SIGKILL to all of
        its session. Returns when none of its processes runs any more: its exit status (negative: a signal), None when
        it never started."""
        if self.process is None:
            return None
        with interrupts.deferred():
            for _ in range(2):
                if self._wait_end(0.0):
                    break
                self.process.send_signal(signal.SIGTERM)
                if self._wait_end(patience_s):
                    break
            self.kill()
            self.status = self.process.wait()
            guard.forget(self.process.pid)
        return self.status

    def kill(self) -> None:
        """Kills all of its session; returns when nothing of that runs any more: whoever is killed ends a moment later,
        and holds its sockets until then."""
        assert self.process is not None
        end = time.monotonic() + KILL_LIMIT_S
        while time.monotonic() < end:
            left = processes.running_in(self.process.pid)
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_S)

    def _wait_end(self, limit_s: float) -> bool:
        assert self.process is not None
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        return True
