# SPDX-License-Identifier: MIT
"""--request-id-header and traceparent: who is believed, and where the ids are seen."""

from __future__ import annotations

import datetime
import json
import re
import socket

import pytest

from support.client import make_request
from support.kernel import connect_with, wait_read
from support.server import BEHAVIOUR, run_clutch
from support.waiting import Gate

MADE = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture(scope="module")
def server(start_module):
    return start_module(
        "router", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Request-ID",
        "--access-logfile", "-", "--access-logformat", "%(U)s %(request_id)s %(trace_id)s",
    )  # fmt: skip


def ids_of(server, *fields, target="/echo_environ/"):
    """What the application sees in HTTP_X_REQUEST_ID and clutch.request_id, and the field of the response."""
    response = server.request(target, headers=fields)
    environ = response.json()["environ"]
    return environ.get("HTTP_X_REQUEST_ID", [0, None])[1], environ["clutch.request_id"][1], response.all("X-Request-ID")


def test_a_trusted_peer_gives_the_id(server):
    for value in ("of-the-proxy", "x" * 128, '!"\\~'):
        assert ids_of(server, ("x-request-id", value)) == (value, value, [value])


@pytest.mark.parametrize("values", [[], [""], ["x" * 129], ["two words"], ["caf\u00e9"], ["one", "two"]])
def test_other_ids_are_made_here(server, values):
    seen, told, answered = ids_of(server, *[("X-Request-ID", value) for value in values])
    assert MADE.fullmatch(seen) and seen == told and answered == [seen]


def test_every_request_has_its_own(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Request-ID", workers=2)
    with server.connect() as connection:
        ids = [connection.request("/blocks/list-of-one").all("X-Request-ID")[0] for _ in range(200)]
    ids += [server.request("/blocks/list-of-one").all("X-Request-ID")[0] for _ in range(50)]
    assert len(set(ids)) == 250 and all(map(MADE.fullmatch, ids))


def test_pipelined_requests(server):
    ids = [f"id-{number}" for number in range(5)]
    with server.connect() as connection:
        connection.send(b"".join(make_request("/blocks/list-of-one", headers=[("X-Request-ID", one)]) for one in ids))
        assert [connection.read_response().all("X-Request-ID") for _ in ids] == [[one] for one in ids]


def test_there_is_room_beside_as_many_fields_as_may_come(start):
    """Also in what is kept of a request that comes in two pieces."""
    server = start(
        "router", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Request-ID", "--limit-request-fields", "7"
    )
    request = make_request("/blocks/list-of-one", headers=[(f"A{number}", "b") for number in range(6)])
    for _ in range(20):
        with server.connect() as connection:
            connection.send(request[:40])
            wait_read(connection)
            connection.send(request[40:])
            response = connection.read_response()
            assert response.status == 200 and MADE.fullmatch(response.header("X-Request-ID"))
    assert server.log.text.count("spawned worker") == 1


def test_nobody_is_believed(start):
    server = start(
        "router", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Request-ID", "--forwarded-allow-ips", "none"
    )
    seen, told, answered = ids_of(server, ("X-Request-ID", "my-own"))
    assert MADE.fullmatch(seen) and seen == told and answered == [seen]


def test_another_field(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Thing")
    response = server.request("/echo_environ/", headers=[("X-Request-ID", "not-this")])
    environ = response.json()["environ"]
    assert environ["HTTP_X_THING"] == environ["clutch.request_id"] == ["str", response.all("X-Thing")[0]]
    assert environ["HTTP_X_REQUEST_ID"] == ["str", "not-this"] and response.all("X-Request-ID") == []


def test_off_by_default(behaviours):
    response = behaviours.request("/echo_environ/", headers=[("X-Request-ID", "as it came")])
    environ = response.json()["environ"]
    assert environ["HTTP_X_REQUEST_ID"] == ["str", "as it came"] and "clutch.request_id" not in environ
    assert response.all("X-Request-ID") == []


def test_in_the_logs(server):
    assert server.request("/raises/first-next", headers=[("X-Request-ID", 'a"b'), ("traceparent", PARENT)]).status == 500
    server.wait_for_log(r"GET /raises/first-next \(request a\\x22b\): \w+")
    server.out.wait_for(re.escape(rf"/raises/first-next a\x22b {TRACE}"))


def test_an_application_that_sets_the_field_itself(start, tmp_path):
    (tmp_path / "own.py").write_text(
        "def application(environ, start):\n    start('200 OK', [('x-request-id', 'mine')])\n    return [b'']\n"
    )
    server = start(tmp_path / "own.py", "--request-id-header", "X-Request-ID")
    assert server.request("/").all("X-Request-ID") == ["mine"]


@pytest.mark.parametrize("name", ["X_Request", "", "Host", "content-length", "a b", "x" * 65])
def test_a_name_that_cannot_be(name):
    result = run_clutch("--request-id-header", name, "app")
    assert result.returncode == 2 and "--request-id-header" in result.stderr


# --- Requests that the application does not answer ---

ID = ("X-Request-ID", 'of"it')
SHOWN = r" \(request of\\x22it\)$"
FIELD = "X-Request-ID: {}\r\n".format(ID[1])


def start_strict(start, *options):
    return start(
        "router", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Request-ID", "--limit-request-body", "10",
        "--limit-request-fields", "5", "--debug-without", "log-limit", *options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def strict(start_module):
    return start_strict(start_module)


@pytest.fixture(scope="module")
def hasty(start_module):
    return start_strict(start_module, "--head-timeout", "300ms")


def check_refused(server, data: bytes, status: int, of_the_client: bool = True, connect=None) -> None:
    mark = server.log.mark()
    with connect(server, data) if connect else server.connect() as connection:
        if not connect:
            connection.send(data)
        (value,) = connection.read_response().all("X-Request-ID")
    assert value == ID[1] if of_the_client else MADE.fullmatch(value)
    server.log.wait_for(rf"refused {status} .*" + (SHOWN if of_the_client else rf" \(request {value}\)$"), after=mark)


def in_pieces(*fields: str) -> bytes:
    return ("GET / HTTP/1.1\r\n" + "".join(field + "\r\n" for field in fields)).encode()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (make_request(headers=[ID], host=None), 400),
        (make_request(headers=[("X-Request-ID", ID[1] + " \t")], host=None), 400),
        (make_request(headers=[ID, ("Bad Name", "x")]), 400),
        (make_request(headers=[("a_b", "dropped"), ID, ("Host", "again")]), 400),
        (make_request(headers=[ID, *[("A", "b")] * 5]), 431),
        (make_request("/echo_body/", "POST", headers=[ID], body=b"x" * 11), 413),
        (make_request("/echo_body/", "POST", headers=[ID, ("Transfer-Encoding", "chunked")]) + b"b\r\n", 413),
        (make_request(headers=[ID, ("Expect", "miracles")]), 417),
    ],
)
def test_a_refusal_has_the_id_of_a_trusted_peer(strict, data, status):
    check_refused(strict, data, status)


@pytest.mark.parametrize(
    "data", [in_pieces("Host: a", FIELD.strip()), in_pieces("Host: a", FIELD.strip(), "Accept")[:-2]]
)
def test_half_a_head_has_the_id_of_a_trusted_peer(hasty, data):
    check_refused(hasty, data, 408, connect=connect_with)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (make_request(host=None), 400),
        (make_request(headers=[ID, ID], host=None), 400),
        (make_request(headers=[("X-Request-ID", "two words")], host=None), 400),
        (b"\x16\x03\x01", 400),
    ],
)
def test_a_refusal_has_one_that_is_made(strict, data, status):
    check_refused(strict, data, status, of_the_client=False)


def test_half_a_head_with_half_an_id_has_one_that_is_made(hasty):
    check_refused(hasty, in_pieces("Host: a", FIELD.strip())[:-2], 408, of_the_client=False, connect=connect_with)


def test_a_refusal_believes_no_stranger(start):
    server = start(
        "router", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Request-ID", "--forwarded-allow-ips", "none"
    )
    check_refused(server, make_request(headers=[ID], host=None), 400, of_the_client=False)


def test_a_refusal_in_the_records_of_the_log(start):
    server = start(
        "router", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Request-ID", "--log-format", "json", ready=False
    )
    server.log.wait_for("ready: 1 worker serves")
    port = next(int(match[1]) for match in server.log.find_all(r"http://127\.0\.0\.1:(\d+)"))
    server.known_addresses = [(socket.AF_INET, ("127.0.0.1", port))]
    server.exchange(make_request(headers=[ID], host=None))
    record = json.loads(server.wait_for_log("refused 400").string)
    assert record["Attributes"]["clutch.request_id"] == ID[1]


def hold_the_worker(server, gate) -> None:
    server.connect().send(make_request(f"/?gate={gate.path}"))
    gate.wait_reached()


def start_gated(start, *options):
    return start("gated", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Request-ID", *options)


def test_the_queue_is_full(start, tmp_path):
    server, gate = start_gated(start, "--queue-limit", "1"), Gate(tmp_path)
    hold_the_worker(server, gate)
    waiting = server.connect()
    waiting.send(make_request())
    wait_read(waiting)
    check_refused(server, make_request(headers=[ID]), 503)
    gate.release()
    assert waiting.read_response().status == 200


@pytest.mark.parametrize("without", [[], ["--debug-without", "handoff"]], ids=["handed-over", "held"])
def test_too_long_in_the_queue(start, tmp_path, without):
    server, gate = start_gated(start, "--queue-timeout", "200ms", *without), Gate(tmp_path)
    hold_the_worker(server, gate)
    check_refused(server, make_request(headers=[ID]), 503)
    gate.release()


def test_the_time_of_a_request_is_over(start):
    server = start(
        "stuck", "--pythonpath", BEHAVIOUR, "--request-id-header", "X-Request-ID", "--request-timeout", "200ms",
        "--access-logfile", "-", "--access-logformat", "%(s)s %(request_id)s",
    )  # fmt: skip
    response = server.request("/sleep", headers=[ID])
    assert response.status == 504 and response.all("X-Request-ID") == [ID[1]]
    server.log.wait_for(r'has run "GET /sleep" .*: answered with 504' + SHOWN)
    server.out.wait_for(r"^504 of\\x22it$")


def test_no_id_in_a_refusal_by_default(behaviours):
    with behaviours.connect() as connection:
        connection.send(make_request(headers=[ID], host=None))
        assert connection.read_response().all("X-Request-ID") == []
    assert "(request " not in behaviours.wait_for_log("refused 400").string


# --- Traces ---


def test_a_valid_trace_is_passed_on(server):
    environ = server.request("/echo_environ/", headers=[("Traceparent", PARENT), ("tracestate", "a=1")]).json()["environ"]
    assert environ["HTTP_TRACEPARENT"] == ["str", PARENT] and environ["HTTP_TRACESTATE"] == ["str", "a=1"]


@pytest.mark.parametrize(
    "values", [[PARENT.upper()], [PARENT + "-more"], ["00-" + "0" * 32 + f"-{SPAN}-01"], [""], [PARENT, PARENT]]
)
def test_another_one_is_not(behaviours, values):
    fields = [("traceparent", value) for value in values]
    assert "HTTP_TRACEPARENT" not in behaviours.request("/echo_environ/", headers=fields).json()["environ"]


def test_the_records_of_opentelemetry(start):
    server = start(
        "router", "--pythonpath", BEHAVIOUR, "--access-logfile", "-", "--access-logformat", "otel",
        "--request-id-header", "X-Request-ID",
    )  # fmt: skip
    fields = [("traceparent", PARENT), ("User-Agent", 'a "b"\u00e9'), ("X-Request-ID", "one")]
    server.request("/blocks/list-of-one?a=b", headers=fields)
    record = json.loads(server.out.wait_for("")[0].string)
    taken = datetime.datetime.fromisoformat(record["Timestamp"].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - taken).total_seconds()) < 60
    assert (record["TraceId"], record["SpanId"], record["TraceFlags"]) == (TRACE, SPAN, 1)
    assert (record["SeverityText"], record["SeverityNumber"]) == ("INFO", 9)
    attributes = record["Attributes"]
    assert 0 < attributes.pop("http.server.request.duration") < 60
    for name in ("clutch.queue", "clutch.gil_wait", "clutch.app", "clutch.write"):
        assert 0 <= attributes.pop(name) < 60
    assert attributes == {
        "http.request.method": "GET",
        "url.path": "/blocks/list-of-one",
        "url.query": "a=b",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "http.request.body.size": 0,
        "http.response.body.size": 3,
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "server.address": attributes["server.address"],
        **({"server.port": attributes["server.port"]} if "server.port" in attributes else {}),
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
        "user_agent.original": 'a "b"\u00e9',
        "clutch.request_id": "one",
        "process.pid": server.worker_pids()[0],
        "clutch.worker": 1,
        "clutch.thread": 0,
    }


def test_the_server_that_was_asked_for(start):
    server = start("router", "--pythonpath", BEHAVIOUR, "--access-logfile", "-", "--access-logformat", "otel")
    for host, expected in (("a.example:81", ("a.example", 81)), ("[::1]:82", ("::1", 82)), ("b", ("b", None))):
        mark = server.out.mark()
        server.exchange(f"PROPFIND / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        attributes = json.loads(server.out.wait_for("", after=mark)[0].string)["Attributes"]
        assert (attributes["server.address"], attributes.get("server.port")) == expected
        assert attributes["http.request.method"] == "_OTHER" and attributes["http.request.method_original"] == "PROPFIND"
