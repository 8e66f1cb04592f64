# SPDX-License-Identifier: MIT
"""A server as a child process, in a session of its own: started, waited for, measured, ended."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Union

from compare import interrupts

POLL_S = 0.005
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

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
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
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
        return [pid for pid, fields in _read_stats() if int(fields[3]) == self.process.pid]

    def memory(self) -> Memory:
        """Proportional set size of all its processes: pages that several share count in parts."""
        sizes = [size for size in map(_read_pss, self.pids()) if size is not None]
        return Memory(sum(sizes), len(sizes))

    def cpu_s(self) -> float:
        """Seconds of CPU, user and system, that its processes have used, also those that have ended."""
        assert self.process is not None
        used = [fields[11:15] for _, fields in _read_stats() if int(fields[3]) == self.process.pid]
        return sum(int(ticks) for fields in used for ticks in fields) / TICKS_PER_S

    # The end.

    def stop(self, patience_s: float = 5.0) -> Optional[int]:
        """Ends it: SIGTERM; after `patience_s` another one, which hurries clutch; after as long again SIGKILL to all of
        its session. Returns its exit status (negative: a signal), None when it never started."""
        if self.process is None:
            return None
        with interrupts.deferred():
            for _ in range(2):
                if self._wait_end(0.0):
                    break
                self.process.send_signal(signal.SIGTERM)
                if self._wait_end(patience_s):
                    break
            for pid in self.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.status = self.process.wait()
        return self.status

    def _wait_end(self, limit_s: float) -> bool:
        assert self.process is not None
        try:
            self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def _read_stats():
    """Yields (pid, fields of /proc/PID/stat behind the name: state, ppid, pgrp, session...) of every process, in order
    of pids."""
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            yield pid, file.read().rpartition(")")[2].split()


def _read_pss(pid: int) -> Optional[int]:
    """Returns bytes, None for a process that has ended."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return None


# What a log has to say to the user.

HEAD = re.compile(r"^\[[^]]*\] \[\d+\] \[(?P<level>\w+)\] (?P<who>[^:]+): (?P<text>.*)$")
GRAVE = ("error", "critical")


def grave_messages(log: str) -> List[str]:
    """Returns the errors that clutch's log tells, each with the lines below it (a traceback), in order."""
    messages: List[List[str]] = []
    is_grave = False
    for line in log.splitlines():
        head = HEAD.match(line)
        if head:
            is_grave = head["level"] in GRAVE
            if is_grave:
                messages.append([f"{head['who']}: {head['text']}"])
        elif is_grave:
            messages[-1].append(line)
    return ["\n".join(lines) for lines in messages]


def explain_start(log: str, status: Optional[int], limit_s: float = 0.0) -> str:
    """Returns why a server did not start: its first error with the traceback, its last words, or all that it printed.

    `status` is its exit status, None when it was not ready within `limit_s` seconds."""
    end = (
        f"it was not ready within {limit_s:g} s" if status is None else f"it did not start: {_describe_status(status)}"
    )
    messages = grave_messages(log)
    if not messages:
        tail = "\n".join(log.splitlines()[-20:])
        return f"{end}\n{tail}" if tail else f"{end}, without a word"
    return "\n".join([end, messages[0]] + messages[-1:] * (len(messages) > 1))


def _describe_status(status: int) -> str:
    if status < 0:
        return f"killed by signal {-status} ({signal.Signals(-status).name})"
    return f"exit status {status}"
