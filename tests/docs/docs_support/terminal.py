# SPDX-License-Identifier: MIT
"""A terminal for the commands of one section: a copy of the project, a network of its own, servers in the background.

With a network namespace (`unshare`) every port is free, whatever else this machine serves. Where that is not allowed,
the machine's own loopback is used.
"""

from __future__ import annotations

import functools
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

from docs_support.pages import ROOT, tracked_files

# For a machine that does much else: a comparison that takes half a minute alone takes some then.
COMMAND_LIMIT_S = 400.0
START_LIMIT_S = 90.0
STOP_LIMIT_S = 90.0
LOOK_S = 0.02
READY = re.compile(r"\bready: \d+ workers? serves?|^setup/offload: serving at", re.MULTILINE)
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]


class Wrong(AssertionError):
    """What a document says is not so."""


@functools.cache
def can_have_namespace():
    program = [*NAMESPACE, "sh", "-c", "ip link set lo up"]
    if not all(shutil.which(name) for name in ("unshare", "nsenter", "ip")):
        return False
    return subprocess.run(program, capture_output=True, check=False).returncode == 0


def copy_project(directory, binary):
    """Copies the project's files, and lets what is in build/ be found there: the release, environments of Python."""
    for path in tracked_files():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target, follow_symlinks=False)
    (directory / "build" / "release").mkdir(parents=True, exist_ok=True)
    (directory / "build" / "release" / "clutch").symlink_to(binary)
    for venv in (ROOT / "build").glob("venv-*"):
        (directory / "build" / venv.name).symlink_to(venv)


def adapt(command, binary):
    """The command as it is run here: programs of the project that would build and install first take the clutch
    under test and the Python of these tests, which has what they need. Redis may be slow on a busy machine."""
    python = shlex.quote(sys.executable)
    start = f"PYTHONPATH=pyapps {python} -m compare --clutch {shlex.quote(str(binary))}"
    command = re.sub(r"^setup/compare\b", start, command)
    return re.sub(
        r"^setup/offload\b",
        f"CLUTCH_BINARY={shlex.quote(str(binary))} OFFLOAD_VENV={shlex.quote(sys.prefix)}"
        " OFFLOAD_REDIS_TIMEOUT=10 exec setup/offload",
        command,
    )


class Server:
    """A server in the background. `process` is the master."""

    def __init__(self, command, process, output):
        self.command = command
        self.process = process
        self.output = output  # a path

    def text(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def wait_ready(self):
        end = time.monotonic() + START_LIMIT_S
        while not READY.search(self.text()):
            if self.process.poll() is not None:
                raise Wrong(f"the server ended with status {self.process.returncode}:\n{self.text()}")
            if time.monotonic() > end:
                raise Wrong(f"the server was not ready within {START_LIMIT_S:g} s:\n{self.text()}")
            time.sleep(LOOK_S)

    def stop(self):
        """Ends it as Ctrl-C would; Wrong when it does not end well."""
        self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(timeout=STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Wrong(f"the server did not stop within {STOP_LIMIT_S:g} s") from None
        if status != 0:
            raise Wrong(f"the server was stopped and ended with status {status}:\n{self.text()}")


class Terminal:
    """Use it with `with`. Commands share a working directory, as in one terminal; a second server ends the first."""

    def __init__(self, directory, binary):
        self.directory = pathlib.Path(directory)
        self.project = self.directory / "clutch"
        self.here = self.project
        self.binary = pathlib.Path(binary).resolve()
        self.holder = None
        self.server = None
        self.server_count = 0

    def __enter__(self):
        self.project.mkdir()
        copy_project(self.project, self.binary)
        programs = self.directory / "bin"
        programs.mkdir()
        (programs / "clutch").symlink_to(self.binary)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("CLUTCH_")}
        self.environment.update(
            PATH=f"{programs}:{self.environment.get('PATH', os.defpath)}",
            PYTHONDONTWRITEBYTECODE="1",
            LC_ALL="C.UTF-8",
            COLUMNS="120",
        )
        if can_have_namespace():
            self._open_namespace()
        return self

    def _open_namespace(self):
        """A process that does nothing but hold the namespace until its standard input ends."""
        script = "ip link set lo up && echo up && exec cat"
        self.holder = subprocess.Popen([*NAMESPACE, "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.holder.stdout.readline() != b"up\n":
            raise Wrong("the network namespace has no loopback")

    def __exit__(self, kind, *_):
        try:
            if self.server is not None:
                self.end_server()
        except Wrong:
            if kind is None:  # else what went wrong before says more
                raise
        finally:
            if self.holder is not None:
                self.holder.stdin.close()
                self.holder.wait()
                self.holder.stdout.close()

    def _shell(self, script):
        inside = []
        if self.holder is not None:
            inside = ["nsenter", "--preserve-credentials", "--user", "--net", "--target", str(self.holder.pid)]
        return [*inside, "bash", "-c", script]

    def run(self, command):
        """Runs it to its end. Returns what it wrote, errors included, in one text. Wrong when its status is not 0."""
        place = self.directory / "place"
        script = f"{adapt(command, self.binary)}\nstatus=$?; pwd >'{place}'; exit $status"
        output = self.directory / "output"
        with open(output, "wb") as target:
            process = self._begin(script, target)
            try:
                status = process.wait(timeout=COMMAND_LIMIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise Wrong(f"not over after {COMMAND_LIMIT_S:g} s: {command}\n{self._read(output)}") from None
        if status != 0:
            raise Wrong(f"status {status}: {command}\n{self._read(output)}")
        self.here = pathlib.Path(place.read_text(encoding="utf-8").strip())
        return self._read(output)

    def _begin(self, script, target):
        """Starts a shell in a session of its own; all that it says goes to the file `target`."""
        return subprocess.Popen(
            self._shell(script),
            cwd=self.here,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @staticmethod
    def _read(path):
        return path.read_text(encoding="utf-8", errors="replace")

    def start(self, command):
        """Starts a server and waits until it serves. The one before is ended."""
        if self.server is not None:
            self.end_server()
        self.server_count += 1
        output = self.directory / f"server-{self.server_count}"
        script = adapt(re.sub(r"^((?:\w+=\S+ )*)clutch(?=\s)", r"\1exec clutch", command), self.binary)
        with open(output, "wb") as target:
            process = self._begin(script, target)
        self.server = Server(command, process, output)
        self.server.wait_ready()
        return self.server

    def end_server(self):
        server, self.server = self.server, None
        server.stop()
