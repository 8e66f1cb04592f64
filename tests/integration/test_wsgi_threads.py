# SPDX-License-Identifier: MIT
"""What several app threads of a worker share and what each has for itself. How many there are, their names and the
signals: test_threads.py."""

from __future__ import annotations

import re

import pytest

from support.client import make_chunked, make_request
from support.crew import nobody_answers
from support.kernel import end
from support.server import BEHAVIOUR
from support.waiting import Gate, wait_until

THREADS = 4

# A request runs only together with THREADS - 1 others, so each is on a thread of its own, and their steps alternate.
APP = """
import asyncio, contextvars, json, sys, threading
from tools import PLAIN, query

barrier = threading.Barrier(THREADS, timeout=60)
local = threading.local()
variable = contextvars.ContextVar("variable", default=0)
closed = []


class Farewell:
    def __del__(self):
        print(f"farewell of {self.name}", flush=True)


def state(environ):
    local.count = getattr(local, "count", 0) + 1
    variable.set(variable.get() + 1)
    thread = threading.current_thread()
    if not hasattr(local, "farewell"):
        local.farewell = Farewell()
        local.farewell.name = thread.name
    return {"name": thread.name, "ident": threading.get_ident(), "native_id": threading.get_native_id(),
            "is_main": thread is threading.main_thread(), "count": local.count, "variable": variable.get(),
            "alive": [other.name for other in threading.enumerate()]}


def echo(environ):
    body = environ["wsgi.input"].read()
    barrier.wait()
    names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_X_UNKNOWN", "HTTP_COOKIE", "CONTENT_LENGTH", "HTTP_HOST",
             "REMOTE_PORT")
    return {**{name: environ.get(name) for name in names}, "body": body.decode("latin-1")}


def fail(environ):
    if "fail" in query(environ):
        raise RuntimeError(f"raised on purpose for {environ['QUERY_STRING']}")
    return "spared"


def loops(environ):
    async def answer():
        await asyncio.sleep(0)
        return threading.current_thread().name

    return asyncio.run(answer())


class Steps:
    # Notes on which thread each call happens.

    def __init__(self, tag, count):
        self.tag, self.count, self.threads = tag, count, [threading.get_ident()]

    def __iter__(self):
        for number in range(self.count):
            self.threads.append(threading.get_ident())
            barrier.wait()
            yield f"{self.tag}{number};".encode()

    def close(self):
        self.threads.append(threading.get_ident())
        closed.append([self.tag, len(set(self.threads)), threading.current_thread() is threading.main_thread()])


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/closed":
        start_response("200 OK", PLAIN)
        return [json.dumps(closed).encode()]
    if not path.startswith("/echo"):
        barrier.wait()
    if path == "/steps":
        start_response("200 OK", PLAIN)
        return Steps(query(environ)["tag"], 5)
    answer = {"/state": state, "/fail": fail, "/loops": loops}.get(path, echo)(environ)
    start_response("200 OK", PLAIN)
    return [json.dumps(answer).encode()]
"""


@pytest.fixture
def start_threads(start, tmp_path):
    """start_threads(threads): a worker with so many app threads, and APP for as many."""

    def start_one(threads: int = THREADS, *options):
        app = tmp_path / "app.py"
        app.write_text(APP.replace("THREADS", str(threads)))
        return start(app, "--pythonpath", BEHAVIOUR, "--threads", threads, *options)

    return start_one


def ask_together(server, *requests: bytes):
    """Makes these requests at once, each on a connection of its own; returns the responses in their order."""
    connections = [server.connect() for _ in requests]
    for connection, request in zip(connections, requests):
        connection.send(request)
    return [connection.read_response() for connection in connections]


def states(server) -> dict[str, dict]:
    """What each thread says of itself, by its name."""
    reports = [response.json() for response in ask_together(server, *[make_request("/state")] * THREADS)]
    return {report["name"]: report for report in reports}


@pytest.mark.parametrize("options", [[], ["--preload"]])
def test_a_thread_keeps_what_is_its_own(start_threads, options):
    """Name, ids, threading.local and context: of the thread, from request to request."""
    server = start_threads(THREADS, *options)
    first = states(server)
    assert set(first) == {"MainThread", *(f"clutch-app-{number}" for number in range(1, THREADS))}
    assert [name for name, report in first.items() if report["is_main"]] == ["MainThread"]
    for count in range(2, 5):
        reports = states(server)
        assert {name: (r["count"], r["variable"]) for name, r in reports.items()} == dict.fromkeys(first, (count, count))
        for key in ("ident", "native_id"):
            assert {name: report[key] for name, report in reports.items()} == {
                name: report[key] for name, report in first.items()
            }
        assert all(sorted(report["alive"]) == sorted(first) for report in reports.values())


def test_what_a_thread_keeps_ends_with_it(start_threads):
    server = start_threads()
    names = states(server)
    assert server.stop() == 0
    assert {match[1] for match in server.out.find_all("farewell of (.*)")} == set(names)


def test_environ_of_one_thread_is_not_that_of_another(start_threads):
    """Every field differs, in what it holds and in whether it is there, and the threads change turns in every round."""
    server = start_threads()
    for turn in range(12):
        requests, expected = [], []
        for number in range(THREADS):
            tag = f"{turn}-{number}" * (1 + (turn + number) % 3)
            wants = (turn + number) % 3
            headers = [("X-Unknown", tag)] * (wants == 0) + [("Cookie", f"a={tag}")] * (wants == 1)
            body = tag.encode() * 1000
            if (turn + number) % 4 == 0:
                request = make_request(f"/echo/{tag}?q={tag}", "PUT", [("Transfer-Encoding", "chunked"), *headers])
                request += make_chunked([body])
            elif (turn + number) % 4 == 1:
                request, body = make_request(f"/echo/{tag}?q={tag}", headers=headers), b""
            else:
                request = make_request(f"/echo/{tag}?q={tag}", "POST", headers, body, host=f"{tag}.test")
            requests.append(request)
            expected.append(
                {
                    "REQUEST_METHOD": request.split()[0].decode(),
                    "PATH_INFO": f"/echo/{tag}",
                    "QUERY_STRING": f"q={tag}",
                    "HTTP_X_UNKNOWN": tag if wants == 0 else None,
                    "HTTP_COOKIE": f"a={tag}" if wants == 1 else None,
                    "CONTENT_LENGTH": str(len(body)) if body else None,
                    "HTTP_HOST": re.search(rb"Host: (\S+)", request)[1].decode(),
                    "body": body.decode(),
                }
            )
        answers = [response.json() for response in ask_together(server, *requests)]
        assert len({answer.pop("REMOTE_PORT") for answer in answers}) == THREADS
        assert answers == expected


def test_an_exception_on_one_thread_is_nobody_elses(start_threads):
    server = start_threads()
    for turn in range(5):
        targets = [f"/fail?fail={turn}-{number}" if number == turn % THREADS else "/fail" for number in range(THREADS)]
        responses = ask_together(server, *map(make_request, targets))
        assert [response.status for response in responses] == [500 if "?" in target else 200 for target in targets]
        server.wait_for_log(rf"RuntimeError: raised on purpose for fail={turn}-{turn % THREADS}$")
    assert len(server.log.find_all(r"\[error\]")) == 5


def test_event_loops_on_all_threads(start_threads):
    responses = ask_together(start_threads(), *[make_request("/loops")] * THREADS)
    assert len({response.json() for response in responses}) == THREADS


def test_a_body_is_made_on_the_thread_of_its_call(start_threads):
    """The steps of all generators alternate; each body has its own blocks in order, and one close()."""
    server = start_threads()
    tags = "abcd"
    for _ in range(3):
        responses = ask_together(server, *[make_request(f"/steps?tag={tag}") for tag in tags])
        assert [response.body for response in responses] == [
            b"".join(b"%s%d;" % (tag.encode(), number) for number in range(5)) for tag in tags
        ]
    # A response is out before its close() is called.
    wait_until(lambda: len(server.request("/closed").json()) >= 3 * len(tags), "close() of every body")
    closed = server.request("/closed").json()
    assert sorted(closed) == sorted([tag, 1, is_main] for tag, _, is_main in closed)
    assert sorted(tag for tag, *_ in closed) == sorted(tags * 3)
    assert sum(is_main for *_, is_main in closed) == 3


def test_with_one_thread_every_call_is_on_the_main_thread(start_threads):
    server = start_threads(1)
    for _ in range(3):
        assert server.request("/steps?tag=x").body == b"x0;x1;x2;x3;x4;"
        assert server.request("/state").json()["is_main"]
    assert server.request("/closed").json() == [["x", 1, True]] * 3


def test_requests_at_once_are_workers_times_threads(start_crew):
    crew = start_crew("--threads", "3", workers=2)
    held = crew.hold_all(6)
    pids = [one.pid for one in held]
    assert {pids.count(pid) for pid in crew.server.worker_pids()} == {3}
    late = [crew.server.connect() for _ in range(3)]
    for number, connection in enumerate(late):
        crew.send(connection, f"late-{number}")
    assert nobody_answers(late)
    for one in held:
        assert one.finish().status == 200
    for number, connection in enumerate(late):
        crew.check_answer(connection, f"late-{number}")


def test_only_who_has_gone_is_told_to_have_gone(start, tmp_path):
    server = start("router", "--pythonpath", BEHAVIOUR, "--threads", "3")
    gates = [Gate(tmp_path, f"gate-{number}") for number in range(3)]
    connections = []
    for gate in gates:
        connections.append(server.connect())
        connections[-1].send(make_request(f"/disconnect/?gate={gate.path}"))
        gate.wait_reached()
    end(connections[1], "reset")
    for gate, connection in zip(gates, connections):
        gate.open()
        if connection is not connections[1]:
            assert connection.read_response().body == b"here"
    seen: list = []

    def has_seen_all() -> bool:
        """The one whose client has gone tells nobody when it is done."""
        seen.extend(server.request("/record/").json())
        return len(seen) >= len(gates)

    wait_until(has_seen_all, "what all three have seen")
    assert sorted(details["value"] for _, details in seen) == [False, False, True]


def test_background_threads_run_while_all_app_threads_wait(start, tmp_path):
    """Whoever drives the loop does so without the GIL: the thread counts on though no request comes."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--threads", THREADS)
    has_counted = tmp_path / "has-counted"
    first, _ = server.request(f"/ticker/?more=100&touch={has_counted}").json()
    with server.connect():
        wait_until(has_counted.exists, "the thread to count")
    last, _ = server.request("/ticker/").json()
    assert last - first >= 100
