# SPDX-License-Identifier: MIT
"""What the tests of offloading start, and how they call it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import re
import sys
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set

import redis
from compare.server import Server
from offload import parts
from offload.jobs import PREFIX, QUEUE
from support.waiting import LIMIT_S, wait_until

# How long the web application waits for Redis. Long, since on a busy machine nobody must be refused by accident; HANGING where Redis
# is stopped, and every caller waits as long.
PATIENT = {"OFFLOAD_REDIS_TIMEOUT": "10"}
HANGING = {"OFFLOAD_REDIS_TIMEOUT": "1"}

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def find_binary() -> str:
    return os.path.abspath(os.environ.get("CLUTCH_BINARY", ROOT / "build" / "release" / "clutch"))


class Reply(NamedTuple):
    status: int
    headers: "http.client.HTTPMessage"
    body: bytes
    took_s: float

    def json(self) -> Dict[str, Any]:
        return json.loads(self.body)


def call(port: int, target: str, method: str = "GET", headers: Optional[Dict[str, str]] = None) -> Reply:
    """Sends one request over a connection of its own."""
    started = time.monotonic()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)) as connection:
        connection.request(method, target, headers=headers or {})
        response = connection.getresponse()
        body = response.read()
    return Reply(response.status, response.headers, body, time.monotonic() - started)


def connected_to(pid: int, port: int) -> Set[int]:
    """The local ports of a process's own connections to a port of this machine."""
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    mine = {row[9]: int(row[1].rpartition(":")[2], 16) for row in rows if int(row[2].rpartition(":")[2], 16) == port}
    names = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            names.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return {mine[found[1]] for name in names if (found := re.fullmatch(r"socket:\[(\d+)\]", name)) and found[1] in mine}


def all_ended(client: "redis.Redis") -> bool:
    return all(client.hget(name, "state") in (b"done", b"failed", None) for name in client.scan_iter(PREFIX + "*"))


class Stack:
    """A Redis, a Celery worker whose jobs wait at a gate, and clutch."""

    def __init__(
        self,
        directory: pathlib.Path,
        concurrency: int = 2,
        workers: int = 2,
        options: Sequence[str] = (),
        app: str = "offload.app",
        celery_app: str = "gated",
        environment: Optional[Dict[str, str]] = None,
    ):
        self.directory = directory
        self.concurrency = concurrency
        self.celery_app = celery_app
        self.gate = directory / "gate"
        self.gate.mkdir()
        self.redis = parts.make_redis(directory)
        extra = {"GATE": str(self.gate), "PYTHONPATH": str(HERE), "CLUTCH_DEMO_SECONDS": "0", "PYTHONDONTWRITEBYTECODE": "1", **PATIENT}
        self.environment = parts.make_environment(self.redis, {**extra, **(environment or {})})
        self.celery = self.make_celery("celery-1")
        self.clutch = parts.make_clutch(directory, self.environment, workers, options, find_binary(), sys.prefix, app=app)
        self.servers: List[Server] = [self.redis, self.celery, self.clutch]

    def make_celery(self, name: str) -> Server:
        return parts.make_celery(self.directory, self.environment, self.concurrency, sys.executable, self.celery_app, name)

    def start(self) -> "Stack":
        for server in (self.redis, self.celery, self.clutch):
            server.start()
        return self

    def stop(self) -> None:
        """Ends all parts at once; how they end in order is the subject of test_setup_offload.py."""
        for server in reversed(self.servers):
            if server.process is not None:
                self.kill_all(server)
                server.stop()

    # The work.

    def open(self) -> None:
        """Lets all jobs go on."""
        (self.gate / "open").touch()

    def finish_all(self) -> None:
        """Returns when no job is left and the gate is as it was at the start."""
        for file in ("kill", "raise"):
            with contextlib.suppress(FileNotFoundError):
                (self.gate / file).unlink()
        self.open()
        with self.connect() as client:
            wait_until(lambda: client.llen(QUEUE) == client.hlen("unacked") == 0, "no message is left")
            # Celery takes a message and notes it as its own in two steps: between them there is none, but a job.
            wait_until(lambda: all_ended(client), "no job is left")
        (self.gate / "open").unlink()

    def connect(self) -> "redis.Redis":
        return redis.Redis(port=self.redis.port)

    # Calls.

    def call(self, target: str, method: str = "GET", headers: Optional[Dict[str, str]] = None) -> Reply:
        return call(self.clutch.port, target, method, headers)

    def call_at_once(self, targets: Sequence[str], method: str = "GET") -> List[Reply]:
        with concurrent.futures.ThreadPoolExecutor(len(targets)) as pool:
            return list(pool.map(lambda target: self.call(target, method), targets))

    def post(self, param: str = "x", **keywords: Any) -> str:
        """Returns the status URL of a new job."""
        reply = self.call(f"/tasks?param={param}", "POST", **keywords)
        assert reply.status == 202, reply
        return reply.headers["Location"]

    def job(self, url: str) -> Dict[str, Any]:
        reply = self.call(url)
        assert reply.status == 200, reply
        return reply.json()

    def wait_state(self, url: str, state: str, limit_s: float = LIMIT_S) -> Dict[str, Any]:
        def look() -> Optional[Dict[str, Any]]:
            job = self.job(url)
            return job if job["state"] == state else None

        return wait_until(look, f"{url} is {state}", limit_s)

    def count_states(self, urls: Sequence[str]) -> Dict[str, int]:
        states = [self.job(url)["state"] for url in urls]
        return {state: states.count(state) for state in set(states)}

    # Accidents.

    def kill_all(self, server: Server) -> None:
        """Kills a part with all its processes, and waits for their end: one that still dies may hold a connection to Redis, which
        would give it a job."""
        server.kill()
        server.process.wait()

    def start_other_celery(self) -> Server:
        other = self.make_celery("celery-2")
        self.servers.append(other)
        return other.start()
