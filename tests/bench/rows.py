# SPDX-License-Identifier: MIT
"""The rows of the benchmark: what is asked of which servers, and what clutch is to reach there."""

import dataclasses

import servers
from load import NewConnections, Tail, Wrk

ALL = ("clutch", *(name for name in servers.PEERS if name != "gunicorn-sync"))
FLOOR = ("floor", *ALL)
WITH_THREADS = ("clutch", "granian", "gunicorn", "uwsgi", "uwsgi-http11", "waitress")
HERE = servers.HERE
PYAPPS = servers.ROOT / "pyapps"


@dataclasses.dataclass
class Goal:
    """`metric` of clutch is to be at most (for a rate: at least) `factor` times that of `reference`: a server, "best" (the best peer of
    the row) or, with "", a figure of its own."""
    metric: str
    factor: float
    reference: str = "best"


@dataclasses.dataclass
class Row:
    name: str
    title: str
    servers: tuple
    goals: tuple
    load: object = None        # None: measured by the module that `kind` names
    app: str = "apps:hello"
    directory: object = HERE
    workers: int = 1
    threads: int = 1
    shares_cores: bool = False  # the server may use every core, also the load's
    kind: str = "load"
    metric: str = ""            # what decides the row; by default what the first goal is about

    def __post_init__(self):
        self.metric = self.metric or self.goals[0].metric


def throughput(name, title, factor, load, app, names=ALL, **more):
    return Row(name, title, names, (Goal("rate", factor),), load, app, **more)


def tail(name, title, most_us, load, names=(*ALL, "gunicorn-sync"), workers=4, **more):
    return Row(name, title, names, (Goal("p99_us", most_us, ""), Goal("p99_us", 1.0)), load, "apps:mixed", workers=workers,
               shares_cores=True, **more)


ROWS = (
    Row("hello-32", "hello, 32 keep-alive connections", FLOOR,
        (Goal("cpu_us", 0.88, "bjoern"), Goal("cpu_us", 1.17, "floor")), Wrk(32)),
    Row("instructions", "user instructions of a hello request", ("floor", "clutch", "bjoern", "fastwsgi"),
        (Goal("instructions", 10000, ""),), kind="instructions"),
    Row("hello-1", "hello, 1 connection", FLOOR, (Goal("cpu_us", 0.80), Goal("p50_us", 1.0)), Wrk(1)),
    Row("hello-256", "hello, 256 connections", FLOOR, (Goal("cpu_us", 0.88),), Wrk(256)),
    throughput("new-connections", "hello, a new connection for each request", 1.05, NewConnections(), "apps:hello",
               (*FLOOR, "gunicorn-sync")),
    throughput("post-16k", "POST of 16 KiB, read whole", 1.10, Wrk(post_bytes=16384, answer_bytes=6), "apps:post"),
    throughput("response-1m", "response of 1 MiB, one block", 1.05, Wrk(answer_bytes=1 << 20), "apps:mebibyte"),
    throughput("generator", "generator, 64 blocks of 16 KiB, no Content-Length", 1.20, Wrk(answer_bytes=1 << 20), "apps:generator"),
    throughput("flask", "Flask hello", 1.05, Wrk(path="/hello/world", answer_bytes=0), "flask_app:app", directory=PYAPPS),
    throughput("django", "Django hello", 1.05, Wrk(path="/hello/world/", answer_bytes=0), "demo.wsgi:application",
               directory=PYAPPS / "django_project"),
    throughput("two-workers", "hello, 2 workers on 2 cores, shared with the load", 1.10, Wrk(64, threads=2), "apps:hello", FLOOR,
               workers=2, shares_cores=True),
    Row("calm", "4 workers, nobody asleep, 40 connections: what the client itself sees", FLOOR, (), Tail(0, ""), "apps:mixed", workers=4,
        shares_cores=True, metric="p99_us"),
    tail("two-asleep", "4 workers, 2 always asleep 0.2 s: p99 of the fast requests", 500, Tail(2, "/sleep?0.2")),
    tail("three-asleep", "4 workers, 3 always asleep 0.2 s: p99 of the fast requests", 500, Tail(3, "/sleep?0.2")),
    tail("one-computing", "4 workers, 1 computing 50 ms at a time: p99 of the fast requests", 1000, Tail(1, "/spin?0.05")),
    tail("four-threads", "1 worker, 4 threads, 2 asleep: p99 of the fast requests", 1000, Tail(2, "/sleep?0.2"), WITH_THREADS,
         workers=1, threads=4),
    Row("idle-memory", "memory of an idle keep-alive connection", ALL, (Goal("connection_bytes", 1024, ""),), kind="idle_memory"),
    Row("idle-wakeups", "an idle server", ALL, (Goal("switches", 0, ""),), kind="idle_wakeups"),
)


def find(names):
    """Returns the rows of these names, all of them without any. KeyError for a name there is not."""
    known = {row.name: row for row in ROWS}
    return [known[name] for name in names] if names else list(ROWS)
