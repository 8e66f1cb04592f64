# SPDX-License-Identifier: MIT
"""The servers of the benchmark: how each is started for speed, and what /proc tells of its processes."""

import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "pyapps"))
from compare import peers  # the one table of command lines

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_LIMIT_S = 60

PEERS = tuple(sorted(peers.NAMES + peers.VARIANTS))
TITLES = {
    "floor": "floor (no server)", "granian": "granian", "gunicorn": "gunicorn gthread", "gunicorn-sync": "gunicorn sync", "uwsgi": "uWSGI --http",
    "uwsgi-http11": "uWSGI --http11-socket",
}


class Failed(Exception):
    """A server could not do what a row asks; the text says what."""


def title(name):
    return TITLES.get(name, name)


def free_port():
    """Returns a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clutch_command(binary, port, *options):
    return [str(binary), "--bind", f"127.0.0.1:{port}", "--log-level", "error", *options]


def command(name, tools, port, app, workers=1, threads=1):
    """Returns the command line of a server for `app`, MODULE:CALLABLE in its working directory. `tools` has the paths clutch, peers (a
    virtual environment) and floor. Failed when the server has no such mode."""
    if name == "floor":
        if threads > 1:
            raise Failed("has no threads")
        return [str(part) for part in (tools.floor, port, workers)]
    if name == "clutch":
        more = ["--threads", str(threads)] if threads > 1 else []
        return clutch_command(tools.clutch, port, "--workers", str(workers), "--venv", str(tools.peers), *more, app)
    try:
        return peers.command(name, tools.peers, port, app, workers, threads)
    except peers.Refused as reason:
        raise Failed(str(reason)) from None


def version(name, tools):
    """Returns what the server says of its version; the floor has none. Failed when it is not installed."""
    if name == "floor":
        return ""
    if name == "clutch":
        return subprocess.run([tools.clutch, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    found = peers.find(name, tools.peers)
    if found is None:
        raise Failed(peers.missing(name))
    return found


def allow_many_descriptors():
    """As many as the hard limit grants: ten thousand connections are ten thousand descriptors."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """A server in a session of its own, so that all its processes are found again; ends it when the block is left.

    Failed when it does not answer; its last words are in the text, all of them in `log`."""

    def __init__(self, command_line, port, cores=None, directory=None, log=os.devnull):
        self.port, self.log = port, log
        pin = ["taskset", "--cpu-list", str(cores)] if cores is not None else []
        self.started_s = time.monotonic()
        with open(log, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(pin + command_line, start_new_session=True, cwd=directory, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, preexec_fn=allow_many_descriptors)
        try:
            self.first_answer_s = self._wait_for_answer()
        except Failed:
            self.end()
            raise

    def _wait_for_answer(self):
        """Returns the seconds from the start to the first byte of an answer."""
        while time.monotonic() - self.started_s < START_LIMIT_S:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=START_LIMIT_S) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if client.recv(1):
                        return time.monotonic() - self.started_s
            except OSError:
                time.sleep(0.002)
            if self.process.poll() is not None:
                raise Failed(f"ended with status {self.process.returncode}: {self.last_words()}")
        raise Failed(f"no answer within {START_LIMIT_S} s: {self.last_words()}")

    def last_words(self):
        lines = pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " ".join(lines[-2:])[:200] or "no output"

    def is_alive(self):
        return self.process.poll() is None

    def pids(self):
        """Returns the processes of the session."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            fields = read_stat(entry)
            if fields and int(fields[3]) == self.process.pid:
                found.append(int(entry))
        return sorted(found)

    def cpu_s(self):
        """Returns user and system time of all processes so far, in seconds."""
        stats = [read_stat(pid) for pid in self.pids()]
        return sum(int(fields[11]) + int(fields[12]) for fields in stats if fields) / TICKS_PER_SECOND

    def pss_kib(self):
        """Returns {pid: proportional set size in KiB}."""
        return {pid: int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
                for pid in self.pids()}

    def switches(self):
        """Returns {thread: how often it has been given a CPU} for the threads of all processes."""
        counts = {}
        for status in (path for pid in self.pids() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status")):
            try:
                text = status.read_text()
            except OSError:
                continue  # the thread has ended
            counts[int(status.parent.name)] = sum(int(count) for count in re.findall(r"_ctxt_switches:\s+(\d+)", text))
        return counts

    def end(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def read_stat(pid):
    """Returns the fields of /proc/PID/stat after the name, or None when the process is gone."""
    try:
        return pathlib.Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
