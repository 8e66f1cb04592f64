# SPDX-License-Identifier: MIT
"""Says what is to fail in a server that runs with tests/faults/shim.c preloaded; and a log's reader that a test can hold
or end."""

from __future__ import annotations

import atexit
import functools
import mmap
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

from support.waiting import wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "faults" / "shim.c"

# The struct of the shim: name -> place and format.
FIELDS = {
    "wall_jump_s": (0, "q"),
    "forks_to_fail": (8, "i"),
    "memory_pid": (12, "i"),
    "memory_left": (16, "i"),
    "memory_failures": (20, "i"),
    "memory_failed": (24, "i"),
    "forks_failed": (28, "i"),
    "accepts_to_fail": (32, "i"),
    "accepts_failed": (36, "i"),
    "pairs_to_fail": (40, "i"),
    "pairs_failed": (44, "i"),
}
SIZE = 48


@functools.lru_cache(maxsize=None)
def build_shim() -> pathlib.Path:
    """Returns the library, which is built once in a run of the tests: no build of the server has it."""
    directory = tempfile.mkdtemp(prefix="faults-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)  # servers of other users load it as well
    library = pathlib.Path(directory) / "shim.so"
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-D_GNU_SOURCE"]
    subprocess.run(["gcc", *options, "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


class Faults:
    """Its attributes are the fields of the shim's struct, shared with every process of the server."""

    def __init__(self, directory: pathlib.Path):
        path = directory / "faults"
        path.write_bytes(bytes(SIZE))
        with path.open("r+b") as file:
            self.__dict__["memory"] = mmap.mmap(file.fileno(), SIZE)
        self.__dict__["environment"] = {"LD_PRELOAD": str(build_shim()), "FAULTS_FILE": str(path)}

    def __getattr__(self, name: str) -> int:
        place, form = FIELDS[name]
        return struct.unpack_from(form, self.memory, place)[0]

    def __setattr__(self, name: str, value: int) -> None:
        place, form = FIELDS[name]
        struct.pack_into(form, self.memory, place, value)

    def starve(self, pid: int, after: int, count: int) -> None:
        """After so many allocations, so many fail in one process: those of the server itself, not of Python."""
        self.memory_pid = 0
        self.memory_left, self.memory_failures, self.memory_failed = after, count, 0
        self.memory_pid = pid

    def relieve(self) -> int:
        """Returns how many have failed."""
        self.memory_pid = 0
        return self.memory_failed


# Puts a socket or a terminal under a descriptor; a child passes on what comes there. Then becomes what is to be run.
PASS_ON = """
import os, socket, sys, tty
kind, number, pid_file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ours, theirs = os.openpty() if kind == "terminal" else [end.detach() for end in socket.socketpair()]
if kind == "terminal":
    tty.setraw(theirs)
pid = os.fork()
if pid == 0:
    os.close(theirs)
    try:
        while data := os.read(ours, 65536):
            os.write(number, data)
    except OSError:  # the terminal has hung up
        pass
    os._exit(0)
os.close(ours)
os.dup2(theirs, number)
with open(pid_file, "w") as file:
    file.write(str(pid))
os.execv(sys.argv[4], sys.argv[4:])
"""


class Reader:
    """A process between a pipe, socket or terminal that the server writes to and what the test reads, to be held and to be
    ended."""

    def __init__(self, directory: pathlib.Path, redirection: str, kind: str = "pipe"):
        """`redirection`: 2 for standard error, 1 for standard output."""
        self.pid_file = directory / f"reader-{redirection}"
        if kind != "pipe":
            self.prefix = [sys.executable, "-c", PASS_ON, kind, redirection, str(self.pid_file)]
            return
        fifo = directory / f"pipe-{redirection}"
        os.mkfifo(fifo)
        script = f'cat <"{fifo}" >&{redirection} & echo $! >"{self.pid_file}"; exec "$@" {redirection}>"{fifo}"'
        self.prefix = ["sh", "-c", script, "sh"]

    @property
    def pid(self) -> int:
        text = wait_until(lambda: self.pid_file.exists() and self.pid_file.read_text().strip(), "the reader's pid")
        return int(text)

    def hold(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
