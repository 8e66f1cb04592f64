# SPDX-License-Identifier: MIT
"""Tries what an application should not be able to do, or should: /NAME?ARGUMENT. Answers the result or the error."""

import ctypes
import errno
import fcntl
import os
import pathlib
import resource
import socket
import sqlite3
import subprocess
import tempfile
import threading
import urllib.parse

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def ids(_):
    return f"{os.getresuid()} {os.getresgid()} {os.getgroups()}"


def status(name):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(line.split("\t", 1)[1] for line in lines if line.startswith(name + ":"))


def parent_ids(_):
    lines = pathlib.Path(f"/proc/{os.getppid()}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("Uid:"))


def memory_of_siblings(_):
    """Pids of other processes of this user whose memory can be read."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            is_other = int(entry.name) != os.getpid() and f"Uid:\t{os.getuid()}\t" in (entry / "status").read_text()
            if is_other:
                (entry / "mem").open("rb").close()
                found.append(entry.name)
        except (PermissionError, FileNotFoundError, ProcessLookupError):
            continue
    return " ".join(found) or "none"


def reach(way_and_pids):
    """WAY:PID,PID...: which of these processes, beside this one, can be reached by a signal or through their memory."""
    way, _, pids = way_and_pids.partition(":")
    found = []
    for pid in map(int, pids.split(",")):
        try:
            if pid == os.getpid():
                continue
            elif way == "signal":
                os.kill(pid, 0)
            else:
                pathlib.Path(f"/proc/{pid}/mem").open("rb").close()
            found.append(str(pid))
        except PermissionError:
            continue
    return " ".join(found) or "none"


def regain(_):
    for call in (os.setuid, os.seteuid, os.setgid, os.setegid):
        try:
            call(0)
        except PermissionError:
            continue
        return f"{call.__name__}(0) worked"
    return "nothing"


def inheritable(_):
    """Descriptors that a program started by the application would get, beside the standard ones."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            is_kept = not fcntl.fcntl(int(name), fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        except OSError:
            continue  # that of the listing itself
        if is_kept and int(name) > 2:
            found.append(f"{name}: {os.readlink(f'/proc/self/fd/{name}')}")
    return " ".join(found)


def child_descriptors(_):
    return subprocess.check_output(["/bin/ls", "/proc/self/fd"], close_fds=False, text=True).split()


def write(path):
    pathlib.Path(path).write_text("written")
    return "written"


def empty(path):
    os.truncate(path, 0)
    return "emptied"


def remove(path):
    os.unlink(path)
    return "removed"


def make_directory(path):
    os.mkdir(path)
    return "made"


def rename(paths):
    os.rename(*paths.split(":"))
    return "renamed"


def read(path):
    return pathlib.Path(path).read_text()


def temporary(_):
    with tempfile.TemporaryFile() as file:
        file.write(b"some")
    return "written"


def database(path):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table if not exists t (n)")
        connection.execute("insert into t values (1)")
    (count,) = connection.execute("select count(*) from t").fetchone()
    connection.close()
    return count


def run(command):
    return subprocess.check_output(command.split(), text=True).strip()


def fork(_):
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def thread(argument):
    """Runs another attempt in a thread of its own."""
    results = []
    name, _, rest = argument.partition("/")
    other = threading.Thread(target=lambda: results.append(attempt(name, rest)))
    other.start()
    other.join()
    return results[0]


def early_thread(path):
    """The same in the thread that was started while this module was loaded."""
    early.paths.append(path)
    early.wake.set()
    early.done.wait()
    return early.results[0]


def bind(_):
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
    return "bound"


def listen(_):
    with socket.socket() as made:
        made.listen()
    return "listening"


def connect(port):
    socket.create_connection(("127.0.0.1", int(port))).close()
    return "connected"


def signal_parent(_):
    os.kill(os.getppid(), 0)
    return "sent"


def signal_self(_):
    os.kill(os.getpid(), 0)
    return "sent"


def own_settings(_):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))
    return "set"


def limit_parent(_):
    return resource.prlimit(os.getppid(), resource.RLIMIT_CORE)


def place_parent(_):
    return os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0))


def slow_group(_):
    return os.setpriority(os.PRIO_PGRP, 0, 19)


def ptrace(_):
    return checked(libc.ptrace(16, os.getppid(), 0, 0))


def unshare(_):
    return checked(libc.unshare(0x10000000))


class Early:
    """A thread that is older than the first request; with --preload it starts in the worker."""

    def __init__(self):
        os.register_at_fork(after_in_child=self.start)
        self.start()

    def start(self):
        self.paths, self.results, self.wake, self.done = [], [], threading.Event(), threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        self.wake.wait()
        self.results.append(attempt("write", self.paths[0]))
        self.done.set()


early = Early()


def attempt(name, argument):
    try:
        return str(globals()[name](argument))
    except OSError as error:
        return f"{type(error).__name__} {errno.errorcode.get(error.errno)}"
    except subprocess.CalledProcessError as error:
        return f"status {error.returncode}"


def application(environ, start_response):
    answer = attempt(environ["PATH_INFO"].strip("/"), urllib.parse.unquote(environ["QUERY_STRING"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
