# SPDX-License-Identifier: MIT
"""What the benchmarks share: servers in sessions of their own, pinned to a core, measured from /proc."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_LIMIT_S = 60


def free_port():
    """Returns a TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def peer_command(name, peers, port, directory, module):
    """Returns the command line of a peer with one worker; `peers` is the venv that holds it, `module` is MODULE:CALLABLE."""
    bin_dir = pathlib.Path(peers) / "bin"
    name_of_app = module.split(":")
    commands = {
        "bjoern": [bin_dir / "python", "-c", "import sys, importlib, bjoern; sys.path.insert(0, sys.argv[1]);"
                   "bjoern.run(getattr(importlib.import_module(sys.argv[2]), sys.argv[3]), '127.0.0.1', int(sys.argv[4]))",
                   directory, *name_of_app, str(port)],
        "gunicorn": [bin_dir / "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread",
                     "--threads", "1", "--chdir", directory, "--log-level", "error", module],
        "uwsgi": [bin_dir / "uwsgi", "--http", f"127.0.0.1:{port}", "--http-keepalive", "--master", "--processes", "1",
                  "--disable-logging", "--chdir", directory, "--module", module],
    }
    return [str(part) for part in commands[name]]


def clutch_command(binary, port, *options):
    return [str(binary), "--bind", f"127.0.0.1:{port}", "--log-level", "error", *options]


class Server:
    """A server in a session of its own, so that all its processes are found again; ends it when the block is left."""

    def __init__(self, command, port, core=None, environment=None):
        self.port = port
        pin = ["taskset", "--cpu-list", str(core)] if core is not None else []
        self.started_s = time.monotonic()
        self.process = subprocess.Popen(pin + command, start_new_session=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, **(environment or {})})
        self.first_answer_s = self._wait_for_answer()

    def _wait_for_answer(self):
        """Returns the seconds from the start to the first answer; SystemExit when none comes."""
        while time.monotonic() - self.started_s < START_LIMIT_S:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=START_LIMIT_S) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if client.recv(1):
                        return time.monotonic() - self.started_s
            except OSError:
                time.sleep(0.002)
            if self.process.poll() is not None:
                break
        sys.exit(f"no answer from {' '.join(self.process.args)}")

    def pids(self):
        """Returns the processes of the session."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                fields = pathlib.Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except (OSError, ValueError):
                continue
            if entry.isdigit() and int(fields[3]) == self.process.pid:
                found.append(int(entry))
        return sorted(found)

    def cpu_s(self):
        """Returns user and system time of all processes so far, in seconds."""
        total = 0
        for pid in self.pids():
            fields = pathlib.Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS_PER_SECOND

    def pss_kib(self):
        """Returns {pid: proportional set size in KiB}."""
        return {pid: int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
                for pid in self.pids()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                pass
