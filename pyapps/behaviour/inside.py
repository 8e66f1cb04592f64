# SPDX-License-Identifier: MIT
"""The server from the inside, through `import clutch`: who runs this, what it has been told, early hints.

Each hook prints a line with its name, the worker's number and the name of the thread. $FAIL names one that raises."""

import json
import os
import threading
import time

import clutch

FAIL = os.environ.get("FAIL")
at_import = {"worker": clutch.worker_id(), "is_worker": clutch.is_worker(), "pid": os.getpid()}


def note(name):
    print(f"hook {name} worker={clutch.worker_id()} thread={threading.current_thread().name}", flush=True)
    if name == FAIL:
        raise RuntimeError(f"{name} was told to fail")


@clutch.on_worker_start
def start_first():
    note("start-first")


@clutch.on_worker_start
def start_second():
    note("start-second")


@clutch.on_ready
def ready():
    note("ready")


@clutch.on_worker_stop
def stop_first():
    note("stop-first")


@clutch.on_worker_stop
def stop_second():
    note("stop-second")


@clutch.before_fork
def before_fork():
    note("before-fork")


@clutch.after_fork
def after_fork():
    note("after-fork")


def describe():
    return {
        "pid": os.getpid(),
        "worker": clutch.worker_id(),
        "is_worker": clutch.is_worker(),
        "generation": clutch.generation(),
        "workers": clutch.worker_count(),
        "threads": clutch.thread_count(),
        "version": clutch.version,
        "at_import": at_import,
    }


def timings():
    begun = time.perf_counter()
    while time.perf_counter() - begun < 0.02:
        pass
    return as_dict(clutch.request_timings())


def as_dict(value):
    return {name: getattr(value, name) for name in ("queue", "gil_wait", "app", "write")}


def from_thread():
    """What the functions of a request say to a thread that runs none."""
    said = []

    def ask():
        for function in (clutch.request_timings, lambda: clutch.early_hints([])):
            try:
                function()
            except RuntimeError as error:
                said.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return said


def hint(environ, start_response):
    """Sends hints, then what came of it."""
    what = environ["QUERY_STRING"]
    send = environ["wsgi.early_hints"]
    headers = {
        "": [("Link", "</style.css>; rel=preload; as=style"), ("X-More", "1")],
        "length": [("Content-Length", "1")],
        "hop": [("Link", "<a>"), ("Connection", "close")],
        "value": [("Link", "a\r\nb: c")],
        "type": [("Link", 1)],
        "none": [],
        "twice": [("Link", "</one>")],
        "late": [("Link", "</late>")],
        "started": [("Link", "</started>")],
    }[what]
    plain = [("Content-Type", "text/plain")]
    if what == "late":
        write = start_response("200 OK", plain)
        write(b"first ")
        return [str(send(headers)).encode()]
    if what == "started":
        start_response("200 OK", plain)
        return [str(send(headers)).encode()]
    try:
        sent = send(headers)
        if what == "twice":
            sent = sent and clutch.early_hints(iter([("Link", "</two>")]))
    except (TypeError, ValueError) as error:
        sent = f"{type(error).__name__}: {error}"
    start_response("200 OK", plain)
    return [str(sent).encode()]


def late_hook():
    clutch.on_ready(late_hook)
    return "registered"


def application(environ, start_response):
    path = environ["PATH_INFO"].rpartition("/")[2]
    if path == "hint":
        return hint(environ, start_response)
    answers = {"": describe, "timings": timings, "thread": from_thread, "late": late_hook}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answers[path]()).encode()]
