# SPDX-License-Identifier: MIT
"""Counts with clutch.metrics, and shows what all workers have counted."""

import json
import os
import threading
from urllib.parse import parse_qsl

import clutch
from clutch.metrics import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

requests = Counter("app_requests_total", "Requests by what was asked.", ["path", "worker"])
spins = Counter("spins", "Turns of the endless thread.", namespace="app", unit="turns")
running = Gauge("app_running", "Requests that run now.")
largest = Gauge("app_largest", "The largest value set.", ("what",), multiprocess_mode="max")
latest = Gauge("app_latest", "The value set last.", multiprocess_mode="last")
took = Histogram("app_took_seconds", "How long it took.", buckets=(0.5, 1, float("inf")))
failures = Counter("app_failures", "Exceptions of one kind.")


@took.time()
def work():
    """Says what it does."""
    return work.__doc__


def spin(query):
    def run():
        while True:
            spins.inc()

    threading.Thread(target=run, daemon=True).start()
    return str(os.getpid())


def add_many(query):
    for number in range(int(query["count"])):
        requests.labels(f"/many/{query['name']}/{number}", clutch.worker_id()).inc()
    return "done"


def set_values(query):
    largest.labels(what="value").set(float(query["value"]))
    latest.set(float(query["value"]))
    return "done"


def fail(query):
    for error in (ValueError, KeyError):
        try:
            with failures.count_exceptions(ValueError):
                raise error
        except error:
            pass
    return "done"


def hold(query):
    """Runs until the file is there."""
    with running.track_inprogress(), open(query["gate"], "rb") as gate:
        gate.read()
    return "done"


def mistakes(query):
    tries = {
        "name": lambda: Counter("1st", "x"),
        "own name": lambda: Gauge("clutch_workers", "x"),
        "twice": lambda: Gauge("app_requests", "x"),
        "label": lambda: Counter("a1", "x", ["__a"]),
        "le": lambda: Histogram("a2", "x", ["le"]),
        "labels of one str": lambda: Counter("a3", "x", "abc"),
        "mode": lambda: Gauge("a4", "x", multiprocess_mode="all"),
        "order": lambda: Histogram("a5", "x", buckets=[2, 1]),
        "no bucket": lambda: Histogram("a6", "x", buckets=[]),
        "no values": lambda: requests.inc(),
        "too few values": lambda: requests.labels("/"),
        "other names": lambda: requests.labels(path="/", wrong=1),
        "both ways": lambda: requests.labels("/", worker=1),
        "no labels": lambda: spins.labels("a"),
        "chained": lambda: requests.labels("/", 1).labels("/", 1),
        "less": lambda: spins.inc(-1),
        "no number": lambda: took.observe("a"),
        "no argument": lambda: running.set(),
    }
    said = {}
    for name, function in tries.items():
        try:
            function()
            said[name] = None
        except (TypeError, ValueError) as error:
            said[name] = f"{type(error).__name__}: {error}"
    return json.dumps(said)


def application(environ, start_response):
    path = environ["PATH_INFO"].rpartition("/")[2]
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    if path == "metrics":
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [generate_latest()]
    requests.labels(path, clutch.worker_id()).inc()
    answers = {"work": lambda query: work(), "spin": spin, "many": add_many, "set": set_values, "fail": fail,
               "hold": hold, "mistakes": mistakes}
    answer = answers[path](query)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
