# SPDX-License-Identifier: MIT
"""Runs Redis, a Celery worker and clutch together, until Ctrl-C or until one of them ends: what setup/offload starts."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import pathlib
import select
import signal
import sys
from typing import Callable, Iterator, List, NamedTuple, Optional

from compare.server import Server, StartError
from offload import parts

EXIT_FAILED = 1
PROGRAM = "setup/offload"
WATCH_S = 0.2


class Part(NamedTuple):
    name: str
    server: Server
    patience_s: float  # how long its orderly end may take


def say(text: str) -> None:
    print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)


def read_count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 1024):
        raise argparse.ArgumentTypeError(f"'{text}': expected a number from 1 to 1024")
    return int(text)


def read_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"'{text}': expected a number of seconds from 0 to 86400")
    return seconds


def parse_options(arguments: List[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    parser.add_argument("--bind", default="127.0.0.1:8000")
    parser.add_argument("--concurrency", type=read_count, default=5)
    parser.add_argument("--workers", type=read_count, default=5)
    parser.add_argument("--seconds", type=read_seconds, default=10.0)
    parser.add_argument("--directory", type=pathlib.Path, default=parts.ROOT / "build" / "offload")
    parser.add_argument("--clutch", type=pathlib.Path, default=parts.CLUTCH)
    parser.add_argument("--venv", type=pathlib.Path, default=parts.VENV)
    return parser.parse_args(arguments)


class Running:
    """The parts that run, in the order of their start; they end in the opposite order."""

    def __init__(self) -> None:
        self.parts: List[Part] = []
        self.is_asked = False  # to end
        self.is_hurried = False
        # What a handler writes wakes the watch. It runs between two steps of the same thread: a lock could be held by that already.
        self.waker, self.wake = os.pipe()

    def on_signal(self, *_: object) -> None:
        if self.is_asked:
            self.is_hurried = True
            for part in reversed(self.parts):
                kill(part.server)
        self.is_asked = True
        os.write(self.wake, b"!")

    def start(self, name: str, make: Callable[[], Server], patience_s: float) -> Server:
        """Raises StartError with the part's name in it."""
        server = make()
        self.parts.append(Part(name, server, patience_s))
        try:
            server.start()
        except StartError as error:
            raise StartError(f"{name} did not start: {error}\n(all it printed: {server.log})") from None
        say(f"{name} is ready (pid {server.process.pid}, log {server.log})")
        return server

    def watch(self) -> Optional[Part]:
        """Waits until somebody asks for the end (returns None), or until a part ends by itself (returns it)."""
        while True:
            select.select([self.waker], [], [], WATCH_S)
            if self.is_asked:
                return None
            for part in self.parts:
                if part.server.process.poll() is not None:
                    return part

    def stop(self) -> None:
        for part in reversed(self.parts):
            if part.server.process is None:
                continue
            if part.server.process.poll() is None and not self.is_hurried:
                say(f"{part.name}: ending (another Ctrl-C ends everything at once)")
            part.server.stop(part.patience_s)
        say("all has ended")


def kill(server: Server) -> None:
    """Ends all processes of a part at once. Nothing is lost: the messages of unfinished jobs are in Redis, and that is on the disk."""
    if server.process is not None:
        for pid in server.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class InUse(Exception):
    """Another setup/offload runs in the same directory; the message is for the user."""


@contextlib.contextmanager
def locked(directory: pathlib.Path) -> Iterator[None]:
    """Two Redis servers that write to one file would spoil it. The kernel drops the lock when this process ends. Raises InUse."""
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(f"another {PROGRAM} runs in {directory}; end it, or name another place: --directory DIR") from None
        yield


def start_all(running: Running, options: argparse.Namespace) -> None:
    """Raises StartError or parts.Missing."""
    python = parts.find_python(options.venv)
    directory = options.directory
    redis = running.start("redis", lambda: parts.make_redis(directory), 5.0)
    environment = parts.make_environment(redis, {"CLUTCH_DEMO_SECONDS": f"{options.seconds:g}"})
    end_of_jobs_s = options.seconds + 5.0
    if running.is_asked:
        return
    running.start("celery", lambda: parts.make_celery(directory, environment, options.concurrency, python), end_of_jobs_s)
    if running.is_asked:
        return
    clutch = running.start(
        "clutch",
        lambda: parts.make_clutch(directory, environment, options.workers, (), options.clutch, options.venv, options.bind),
        5.0,
    )
    where = ", ".join(parts.listening_at(clutch))
    say(f"serving at {where}; a job takes {options.seconds:g} s, {options.concurrency} run at once. Ctrl-C ends it.")


def main() -> int:
    options = parse_options(sys.argv[1:])
    running = Running()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, running.on_signal)
    try:
        with locked(options.directory):
            return run(running, options)
    except InUse as error:
        say(str(error))
    except OSError as error:
        say(f"cannot keep anything in {options.directory}: {error.strerror}")
    return EXIT_FAILED


def run(running: Running, options: argparse.Namespace) -> int:
    """Starts all parts, waits, and ends them; returns the exit status."""
    status = 0
    try:
        start_all(running, options)
        ended = running.watch()
        if ended is not None:
            say(f"{ended.name} has ended by itself ({ended.server.process.poll()}); its last lines:")
            print(parts.last_lines(ended.server), file=sys.stderr, flush=True)
            status = EXIT_FAILED
    except (StartError, parts.Missing, OSError) as error:
        if not running.is_asked:
            say(str(error))
            status = EXIT_FAILED
    finally:
        running.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
