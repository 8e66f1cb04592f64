# SPDX-License-Identifier: MIT
"""The web application: accepts jobs at once, and tells how they are getting on.

    GET  /?param=Request_1        as the blog's application is called; POST /tasks is the proper way
    POST /tasks?param=Request_1   202, Location: /tasks/ID. With `Idempotency-Key: TEXT` the same text is the same job; 422 when it
                                  comes with another param
    GET  /tasks/ID                200 and the job as JSON, 404 for one that is not known
    GET  /health                  200 with {"redis": "ok", "waiting": 3, "longest_wait_s": 1.2}; the wait grows without a worker

While Redis does not answer, every one of them is 503 with Retry-After; for jobs also when it is nearly full. When it hangs, one request
finds that out (OFFLOAD_REDIS_TIMEOUT), and the others of the same process are refused at once for a second.

    clutch --venv build/venv-offload --pythonpath pyapps --workers 5 offload.app
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import uuid
from typing import Any, Callable, Dict, List, NamedTuple, Tuple
from urllib.parse import quote

import kombu.exceptions
import redis

from app_main import read_param
from offload.per_process import PerProcess
from offload.settings import SETTINGS
from offload.tasks import Sender

LONGEST_PARAM = 1000
LONGEST_KEY = 200
KEYS = uuid.UUID("6f1c8f0e-7f0b-5d5c-9d0a-3a1f1de0c9b4")  # the namespace of Idempotency-Key
JOB_PATH = re.compile(r"/tasks/([0-9a-f]{32})\Z")
POLL_AFTER_S = 1
RETRY_AFTER_S = 1
UNREACHABLE = (redis.RedisError, kombu.exceptions.KombuError, OSError)

Environ = Dict[str, Any]
sender = PerProcess(Sender)


class Outage:
    """Redis hangs: until then it is not asked again, or every request in the queue would wait for it one after the other."""

    until = 0.0  # by time.monotonic()


def warm_up() -> None:
    """Makes this process ready for its first job. Without Redis it does so when the first request comes."""
    try:
        sender.get().warm_up()
    except UNREACHABLE as error:
        print(f"offload: Redis does not answer yet: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


warm_up()
os.register_at_fork(after_in_child=warm_up)  # clutch --preload


class Answer(NamedTuple):
    status: str
    body: bytes
    headers: List[Tuple[str, str]]


def answer_text(status: str, text: str, *headers: Tuple[str, str]) -> Answer:
    return Answer(status, f"{text}\n".encode(), [("Content-Type", "text/plain; charset=utf-8"), *headers])


def answer_json(status: str, fields: Dict[str, Any], *headers: Tuple[str, str]) -> Answer:
    return Answer(status, json.dumps(fields).encode() + b"\n", [("Content-Type", "application/json"), *headers])


def refuse(why: str) -> Answer:
    return answer_text(
        "503 Service Unavailable",
        f"The job queue (Redis) {why}. Try again in {RETRY_AFTER_S} s.",
        ("Retry-After", str(RETRY_AFTER_S)),
    )


def choose_id(environ: Environ) -> str:
    """Returns the id of a new job; raises ValueError for a bad Idempotency-Key."""
    key = environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return uuid.uuid4().hex
    if not (1 <= len(key) <= LONGEST_KEY and key.isprintable()):
        raise ValueError(f"Idempotency-Key: expected 1 to {LONGEST_KEY} printable characters")
    return uuid.uuid5(KEYS, key).hex


def accept_job(environ: Environ) -> Answer:
    param = read_param(environ)
    if len(param) > LONGEST_PARAM:
        return answer_text("400 Bad Request", f"param: expected at most {LONGEST_PARAM} characters")
    try:
        job_id = choose_id(environ)
    except ValueError as error:
        return answer_text("400 Bad Request", str(error))
    state = sender.get().send(job_id, param)
    if state == "full":
        return refuse("is full")
    if state == "other":
        return answer_text("422 Unprocessable Content", "Idempotency-Key: this text was sent before, with another param")
    where = f"{quote(environ.get('SCRIPT_NAME', ''))}/tasks/{job_id}"
    return answer_json(
        "202 Accepted",
        {"id": job_id, "status_url": where},
        ("Location", where),
        ("Retry-After", str(POLL_AFTER_S)),
    )


def tell_job(environ: Environ) -> Answer:
    match = JOB_PATH.match(environ["PATH_INFO"])
    job = sender.get().jobs.read(match[1]) if match else None
    if match is None or job is None:
        return answer_text("404 Not Found", "no such job: it never was, or its answer was kept long enough")
    headers = [("Retry-After", str(POLL_AFTER_S))] if job["state"] in ("pending", "running") else []
    return answer_json("200 OK", {"id": match[1], **job}, *headers)


def tell_health(_environ: Environ) -> Answer:
    jobs = sender.get().jobs
    waiting, longest_s = jobs.count_waiting(), jobs.longest_wait_s()
    return answer_json("200 OK", {"redis": "ok", "waiting": waiting, "longest_wait_s": round(longest_s, 1)})


def find_route(path: str) -> Tuple[Tuple[str, ...], Callable[[Environ], Answer]]:
    """Returns the methods of a path and its function; raises KeyError when there is nothing at it."""
    if path.startswith("/tasks/"):
        return ("GET", "HEAD"), tell_job
    return {
        "/": (("GET",), accept_job),
        "/tasks": (("POST",), accept_job),
        "/health": (("GET", "HEAD"), tell_health),
    }[path]


def answer(environ: Environ) -> Answer:
    path = environ.get("PATH_INFO") or "/"
    try:
        methods, handle = find_route(path)
    except KeyError:
        return answer_text("404 Not Found", "nothing here; try POST /tasks?param=TEXT or GET /health")
    if environ["REQUEST_METHOD"] not in methods:
        return answer_text("405 Method Not Allowed", f"expected {' or '.join(methods)}", ("Allow", ", ".join(methods)))
    started = time.monotonic()
    if started < Outage.until:
        return refuse("does not answer")
    try:
        return handle(environ)
    except redis.OutOfMemoryError:
        return refuse("is full")
    except UNREACHABLE as error:
        print(f"offload: Redis does not answer: {type(error).__name__}: {error}", file=environ["wsgi.errors"])
        now = time.monotonic()
        if now - started >= SETTINGS.redis_timeout_s:
            Outage.until = now + RETRY_AFTER_S
        return refuse("does not answer")


def application(environ: Environ, start_response: Callable[..., Any]) -> List[bytes]:
    status, body, headers = answer(environ)
    start_response(status, [*headers, ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
