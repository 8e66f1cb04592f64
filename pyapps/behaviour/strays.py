# SPDX-License-Identifier: MIT
"""Forks, at odd places, and the child does odd things: it writes, starts the response, stays, runs another program.
The parent answers with how the child ended, or with its pid where it goes on."""

import contextlib
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time

from forks import wait_for
from tools import PLAIN, dispatch, note, number, query, text_reply, wait_at


def fork_and(child):
    """Forks in the view; `child` runs in the child."""

    def answer(environ, start_response):
        pid = os.fork()
        if pid == 0:
            child(environ, start_response)
            os._exit(99)
        return text_reply(start_response, wait_for(pid))

    return answer


def child_writes(environ, start_response):
    """The response is its parent's."""
    write = start_response("200 OK", [("Content-Length", "100")])
    try:
        write(b"of the child")
    except RuntimeError:
        os._exit(7)


def child_executes(environ, start_response):
    os.execv("/bin/sh", ["sh", "-c", "exit 4"])


def child_recurses(environ, start_response):
    """A worker's worth of Python in the child, and a thread."""
    thread = threading.Thread(target=time.sleep, args=(0.01,))
    thread.start()
    thread.join()
    os._exit(len(threading.enumerate()))


class Forks:
    """An iterable that forks where it is told, and whose child comes back into the server from there."""

    def __init__(self, where):
        self.where = where
        self.child = None

    def fork(self, where):
        if where == self.where and self.child is None:
            self.child = os.fork()

    def __iter__(self):
        self.fork("iter")
        return iter([b"body of %d " % os.getpid()])

    def __len__(self):
        self.fork("len")
        return 1

    def close(self):
        self.fork("close")

    def __del__(self):
        self.fork("del")


def forking(where):
    def answer(environ, start_response):
        start_response("200 OK", PLAIN)
        return Forks(where)

    return answer


class IteratorForks:
    """The iterator forks when it goes, behind the last block and in front of the end of the response."""

    def __init__(self):
        self.blocks = iter([b"body of ", b"%d " % os.getpid()])

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.blocks)

    def __del__(self):
        os.fork()


class MakesIterator:
    def __iter__(self):
        return IteratorForks()


def fork_with_iterator(environ, start_response):
    start_response("200 OK", PLAIN)
    return MakesIterator()


class FileForks:
    """A file in whose place the server sends what is below it, found by an attribute that forks."""

    def __init__(self):
        self.file = tempfile.TemporaryFile(buffering=0)
        self.file.write(b"body of %d " % os.getpid())
        self.file.seek(0)

    @property
    def read(self):
        os.fork()
        return self.file.read


def fork_with_file(environ, start_response):
    start_response("200 OK", PLAIN)
    return environ["wsgi.file_wrapper"](FileForks())


class CloseExits:
    """Forks in close(); the child leaves it by sys.exit(), and how it ended is noted."""

    def __iter__(self):
        return iter([b"body of %d " % os.getpid()])

    def close(self):
        child = os.fork()
        if child == 0:
            sys.exit(5)
        note("child", status=wait_for(child))


def exit_in_close(environ, start_response):
    start_response("200 OK", PLAIN)
    return CloseExits()


class ForksWhenShown(Exception):
    def __str__(self):
        os.fork()
        return "shown"


def fork_when_shown(environ, start_response):
    raise ForksWhenShown


def stay(environ, start_response):
    """The child waits at ?gate=."""
    pid = os.fork()
    if pid == 0:
        wait_at(query(environ)["gate"])
        os._exit(0)
    return text_reply(start_response, str(pid))


def stay_at_the_limit(environ, start_response):
    """The same, where no descriptor can be opened at the time of the fork: all are taken, or the ?limit= is low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = number(environ, "limit", 100)
    kept = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    with contextlib.suppress(OSError):
        while True:
            kept.append(os.open(os.devnull, os.O_RDONLY))
    pid = os.fork()
    for fd in kept:
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if pid == 0:
        wait_at(query(environ)["gate"])
        os._exit(0)
    return text_reply(start_response, str(pid))


def double(value):
    return 2 * value


def run_pool(environ, start_response):
    with multiprocessing.get_context(query(environ)["method"]).Pool(2) as pool:
        return text_reply(start_response, str(pool.map(double, range(4))))


def run_process(environ, start_response):
    """A process of multiprocessing's that raises."""
    process = multiprocessing.get_context("fork").Process(target=double, args=(None,))
    process.start()
    process.join()
    return text_reply(start_response, str(process.exitcode))


LIST = """
import os
for fd in range(3, 1000):
    try:
        print(fd, os.readlink(f"/proc/self/fd/{fd}"))
    except OSError:
        pass
"""


def list_descriptors(environ, start_response):
    """What a program that is started has open: beside its standard descriptors."""
    output = subprocess.run([sys.executable, "-c", LIST], close_fds=False, capture_output=True, text=True, check=True)
    return text_reply(start_response, output.stdout)


def start_program(environ, start_response):
    """A program that outlives the request and the server; it ends with the ?gate=."""
    program = subprocess.Popen(["cat", query(environ)["gate"]], close_fds=False, start_new_session=True)
    return text_reply(start_response, str(program.pid))


PATHS = {
    "writes": fork_and(child_writes),
    "executes": fork_and(child_executes),
    "threads": fork_and(child_recurses),
    "iter": forking("iter"),
    "len": forking("len"),
    "close": forking("close"),
    "del": forking("del"),
    "shown": fork_when_shown,
    "iterator": fork_with_iterator,
    "file": fork_with_file,
    "close-exits": exit_in_close,
    "stay": stay,
    "stay-at-the-limit": stay_at_the_limit,
    "pool": run_pool,
    "process": run_process,
    "descriptors": list_descriptors,
    "program": start_program,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
