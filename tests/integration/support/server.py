# SPDX-License-Identifier: MIT
"""A clutch server as a child process: started with given options, watched through its output, checked when it ends."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess

from support import processes
from support.client import Connection, Response
from support.output import Output
from support.waiting import LIMIT_S, wait_for_none

TREE = pathlib.Path(__file__).resolve().parents[3]
PYAPPS = TREE / "pyapps"
BEHAVIOUR = PYAPPS / "behaviour"
BAD = PYAPPS / "bad"

# For clients that connect long before they ask: until they have, the time for a head runs.
PATIENT = ("--head-timeout", "10m", "--body-timeout", "10m")

SANITIZER_REPORT = re.compile(r"ERROR: (Address|Leak|Thread|Memory)Sanitizer|WARNING: ThreadSanitizer|runtime error:")
LISTENING = re.compile(r"listening at (?:(?P<unix>unix:\S+)|https?://(?P<host>\[[^]]+\]|[^:\s]+):(?P<port>\d+))")
SPAWNED = re.compile(r"spawned worker (?P<number>\d+) \(pid: (?P<pid>\d+), cores: \d+\)")
READY = r"ready: \d+ workers? serve"

# For a worker to close the descriptors of what has ended.
DESCRIPTORS_S = 30


def find_binary() -> str:
    """Returns the program under test: $CLUTCH_BINARY, or that of the dev preset."""
    return os.path.abspath(os.environ.get("CLUTCH_BINARY", TREE / "build" / "dev" / "clutch"))


def own_host() -> str:
    """A loopback address of these tests alone: a port there that has become free is not taken by other tests' servers."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 16) % 64}.{(pid >> 8) % 256}.{pid % 256}"


def make_environment(extra=None) -> dict[str, str]:
    """Returns this process's environment without what would steer the server, and with `extra`."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CLUTCH_") and name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")
    }
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    environment.update(extra or {})
    return environment


def run_clutch(*arguments, environment=None, cwd=TREE, limit_s: float = LIMIT_S) -> subprocess.CompletedProcess:
    """Runs clutch to its end, for what does not serve: --help, mistakes. Returns its status and output as text."""
    return subprocess.run(
        [find_binary(), *map(str, arguments)],
        env=make_environment(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=limit_s,
        check=False,
    )


class Server:
    """A running server; start one through the `start` fixture, which ends and checks it."""

    def __init__(
        self,
        app,
        *options,
        workers: int | None = 1,
        bind=("127.0.0.1:0",),
        environment=None,
        cwd=TREE,
        prefix=(),
        stdin=subprocess.DEVNULL,
        pass_fds=(),
    ):
        arguments = [find_binary()]
        for address in bind:
            arguments += ["--bind", str(address)]
        if workers is not None:
            arguments += ["--workers", str(workers)]
        self.arguments = [*prefix, *arguments, *map(str, options)] + ([str(app)] if app is not None else [])
        self.process = subprocess.Popen(
            self.arguments,
            env=make_environment(environment),
            cwd=cwd,
            stdin=stdin,
            pass_fds=pass_fds,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.master_pid = self.process.pid  # another one where a prefix runs the server in a namespace of its own
        self.log = Output("standard error", self.process.stderr)
        self.out = Output("standard output", self.process.stdout)
        self.known_addresses: list[tuple[int, object]] = []
        self.connections: list[Connection] = []
        self.descriptors_at_start: dict[int, dict] = {}
        self.status: int | None = None

    # Where it is and who it is.

    @property
    def pid(self) -> int:
        return self.process.pid

    def addresses(self) -> list[tuple[int, object]]:
        """(family, address) of every listener, as the log tells them before the first worker is spawned."""
        if not self.known_addresses:
            self.log.wait_for(SPAWNED.pattern + "|spawned zygote")
            self.known_addresses = [parse_address(match) for match in self.log.find_all(LISTENING.pattern)]
        return self.known_addresses

    @property
    def port(self) -> int:
        return self.addresses()[0][1][1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def worker_pids(self) -> list[int]:
        """The pid of the newest process of every worker, in order of their numbers."""
        newest = {int(match["number"]): int(match["pid"]) for match in self.log.find_all(SPAWNED.pattern)}
        return [newest[number] for number in sorted(newest)]

    # Waiting.

    def wait_ready(self, limit_s: float = LIMIT_S) -> Server:
        self.log.wait_for(READY, limit_s=limit_s)
        self.descriptors_at_start = {pid: processes.open_descriptors(pid) for pid in self.worker_pids()}
        return self

    def wait_for_log(self, pattern: str, **options) -> re.Match:
        """Waits for a line of the log in which `pattern` is found; returns the match."""
        return self.log.wait_for(pattern, **options)[-1]

    def log_contains(self, pattern: str) -> bool:
        return self.log.find(pattern) is not None

    def wait_exit(self, limit_s: float = LIMIT_S) -> int:
        """Waits for the end of the master and of its output; returns the exit status (negative: a signal)."""
        self.status = self.process.wait(limit_s)
        self.log.wait_end(limit_s)
        self.out.wait_end(limit_s)
        return self.status

    # Talking to it.

    def connect(self, listener: int = 0, source: str | None = None) -> Connection:
        """Opens a connection, from another address than usual if one is given; it is closed with the server at the latest."""
        connection = Connection(*self.addresses()[listener], source=source)
        self.connections = [open_one for open_one in self.connections if not open_one.is_closed] + [connection]
        return connection

    def request(self, target: str = "/", method: str = "GET", **options) -> Response:
        """Makes one request on a connection of its own."""
        with self.connect() as connection:
            return connection.request(target, method, **options)

    def exchange(self, data: bytes) -> bytes:
        """Sends bytes on a connection of its own and returns all that comes until the server closes it."""
        with self.connect() as connection:
            connection.send(data)
            return connection.read_to_end()

    # Signals.

    def send_signal(self, number: int) -> None:
        os.kill(self.master_pid, number)

    def kill_worker(self, index: int = 0, number: int = signal.SIGKILL) -> int:
        """Sends a signal to a worker (0: the first); returns its pid."""
        pid = self.worker_pids()[index]
        os.kill(pid, number)
        return pid

    def stop(self, limit_s: float = LIMIT_S) -> int:
        """Asks the server to stop and waits until it has; returns its exit status."""
        if self.process.poll() is None:
            self.send_signal(signal.SIGTERM)
        return self.wait_exit(limit_s)

    # The end.

    def finish(self) -> None:
        """Stops the server if the test has not, and checks that it left nothing behind: see check_*."""
        try:
            self._close_connections()
            if self.status is None:
                self.check_descriptors()
                status = self.stop()
                assert status == 0, f"exit status {status} after SIGTERM"
            self.check_sanitizers()
            self.check_leftovers()
        finally:
            self.destroy()

    def check_descriptors(self) -> None:
        """Each worker has open at most what it had when it became ready (closing takes it a moment)."""
        for pid, before in self.descriptors_at_start.items():
            more = wait_for_none(lambda: processes.open_descriptors(pid) - before, DESCRIPTORS_S)  # noqa: B023
            assert not more, f"worker {pid} has more open than at its start: {dict(more)}"

    def check_sanitizers(self) -> None:
        for output in (self.log, self.out):
            reports = [line for line in output.lines if SANITIZER_REPORT.search(line)]
            assert not reports, f"{output.name} has a sanitizer report: {reports}"

    def check_leftovers(self, limit_s: float = LIMIT_S) -> None:
        """No process of the server's session is left."""
        left = wait_for_none(lambda: processes.session_members(self.pid), limit_s)
        assert not left, f"processes left behind: {left}"

    def destroy(self) -> None:
        """Ends whatever is still there, for tests that failed."""
        self._close_connections()
        for pid in processes.session_members(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)

    def _close_connections(self) -> None:
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def describe(self) -> str:
        return f"$ {' '.join(self.arguments)}\n{shorten(self.log.text)}\n-- standard output\n{shorten(self.out.text)}"


def shorten(text: str) -> str:
    """Leaves out the middle of a long text, for reports."""
    lines = [line[:400] for line in text.splitlines()]
    if len(lines) > 140:
        lines[20:-100] = [f"... {len(lines) - 120} lines ..."]
    return "\n".join(lines)


def parse_address(match: re.Match) -> tuple[int, object]:
    """Turns a `listening at` line into what socket.connect() takes."""
    if match["unix"]:
        return socket.AF_UNIX, match["unix"][len("unix:") :]
    host = match["host"]
    if host.startswith("["):
        return socket.AF_INET6, ("::1" if host == "[::]" else host[1:-1], int(match["port"]))
    return socket.AF_INET, ("127.0.0.1" if host == "0.0.0.0" else host, int(match["port"]))
