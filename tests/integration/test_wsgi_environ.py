# SPDX-License-Identifier: MIT
"""environ: points 1 to 9 of the PEP 3333 checklist, and the keys beyond it. What single bytes of a request become in it
is in tests/cases/http1."""

from __future__ import annotations

import pytest

from support.client import make_request
from support.kernel import end
from support.server import BEHAVIOUR


@pytest.fixture(scope="module")
def server(start_module):
    return start_module("echo_environ", "--pythonpath", BEHAVIOUR)


def environ_of(server, *arguments, **options):
    return server.request(*arguments, **options).json()["environ"]


def test_point_1_an_exact_dict_that_the_application_may_change(server):
    for _ in range(2):
        report = server.request("/").json()
        assert (report["type"], report["odd_keys"]) == ("dict", [])
        assert "REQUEST_METHOD" in report["environ"], "the application cleared the environ of the request before"


def test_point_1_environ_is_new_for_every_request(behaviours):
    with behaviours.connect() as connection:
        assert connection.request("/keeper/keep?first").body == b"kept"
        kept = connection.request("/keeper/environ?second").json()
    assert kept == {"same": False, "query": "first", "method": "GET", "has_input": True}


def test_point_2_values_and_version(server):
    environ = environ_of(server, "/%E2%82%AC", headers=[("X-Odd", "caf\u00e9")])
    assert environ["wsgi.version"] == ["tuple", [1, 0]]
    assert environ["PATH_INFO"] == ["str", "/\u00e2\u0082\u00ac"]
    assert environ["HTTP_X_ODD"] == ["str", "caf\u00e9"]
    for key, (kind, value) in environ.items():
        if not key.startswith(("wsgi.", "clutch.")):
            assert kind == "str", key
            assert all(ord(character) < 256 for character in value), key


def test_point_3_what_is_always_there(server):
    environ = environ_of(server, "/path")
    assert environ["REQUEST_METHOD"] == ["str", "GET"]
    assert environ["SERVER_NAME"][1] and environ["SERVER_PORT"] == ["str", str(server.port)]
    assert environ["SERVER_PROTOCOL"] == ["str", "HTTP/1.1"]
    assert environ["QUERY_STRING"] == ["str", ""]
    assert environ["SCRIPT_NAME"] == ["str", ""]
    assert environ_of(server, "/", version="1.0")["SERVER_PROTOCOL"] == ["str", "HTTP/1.0"]


@pytest.mark.parametrize(
    "target, path, query",
    [
        ("/a%20b", "/a b", ""),
        ("/a+b", "/a+b", ""),
        ("/a%2Fb", "/a/b", ""),
        ("/a%zz", "/a%zz", ""),
        ("//a//../b", "//a//../b", ""),
        ("/?", "/", ""),
        ("/?a=%20&b", "/", "a=%20&b"),
        ("/a?b?c", "/a", "b?c"),
    ],
)
def test_point_4_path_and_query(server, target, path, query):
    environ = environ_of(server, target)
    assert environ["PATH_INFO"] == ["str", path]
    assert environ["QUERY_STRING"] == ["str", query]
    assert environ["REQUEST_URI"] == environ["RAW_URI"] == ["str", target]


def test_point_5_other_forms_of_the_target(server):
    environ = environ_of(server, "*", "OPTIONS")
    assert (environ["PATH_INFO"][1], environ["REQUEST_METHOD"][1]) == ("*", "OPTIONS")
    environ = environ_of(server, "http://example.org:81/x?y", host="other")
    assert (environ["PATH_INFO"][1], environ["HTTP_HOST"][1]) == ("/x", "example.org:81")
    assert server.request("example.org:443", "CONNECT").status == 501


def test_point_6_names_of_fields(server):
    headers = [("x-mixed-CASE", "1"), ("X_Under", "2"), ("Content-Type", "text/x"), ("X-1.2~3", "4")]
    environ = environ_of(server, "/", headers=headers)
    assert environ["HTTP_X_MIXED_CASE"] == ["str", "1"]
    assert environ["CONTENT_TYPE"] == ["str", "text/x"]
    assert environ["HTTP_X_1.2~3"] == ["str", "4"]
    for absent in ("HTTP_X_UNDER", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "CONTENT_LENGTH"):
        assert absent not in environ
    environ = environ_of(server, "/", "POST", body=b"12")
    assert environ["CONTENT_LENGTH"] == ["str", "2"]
    assert "CONTENT_TYPE" not in environ and "HTTP_CONTENT_LENGTH" not in environ


def test_point_6_an_absent_field_leaves_no_trace_of_the_request_before(server):
    """The environ of a request must not keep what a template or the request before put there."""
    with server.connect() as connection:
        full = connection.request(
            "/",
            headers=[
                ("Cookie", "a=1"),
                ("Accept", "x"),
                ("Referer", "y"),
                ("Range", "bytes=0-1"),
                ("Authorization", "z"),
                ("X-Own", "w"),
                ("User-Agent", "v"),
            ],
        )
        bare = connection.request("/").json()["environ"]
    gone = {
        "HTTP_COOKIE",
        "HTTP_ACCEPT",
        "HTTP_REFERER",
        "HTTP_RANGE",
        "HTTP_AUTHORIZATION",
        "HTTP_X_OWN",
        "HTTP_USER_AGENT",
    }
    assert gone <= set(full.json()["environ"])
    assert not gone & set(bare)
    assert {key for key in bare if key.startswith("HTTP_")} == {"HTTP_HOST"}


def test_point_7_fields_that_come_twice(server):
    headers = [("X-List", "a"), ("Cookie", "c=1"), ("X-List", "b"), ("Accept", "d"), ("Cookie", "e=2"), ("Accept", "f")]
    environ = environ_of(server, "/", headers=headers)
    assert environ["HTTP_X_LIST"][1] == "a,b"
    assert environ["HTTP_ACCEPT"][1] == "d,f"
    assert environ["HTTP_COOKIE"][1] == "c=1; e=2"


def test_point_8_what_is_missing_is_absent(server):
    environ = environ_of(server, "/", headers=[("Proxy", "http://evil.example")])
    for absent in ("REMOTE_USER", "AUTH_TYPE", "HTTP_PROXY", "HTTP_COOKIE", "HTTPS"):
        assert absent not in environ
    assert not [key for key, (kind, _) in environ.items() if kind == "NoneType"]


def test_point_9_scheme_and_concurrency(server):
    headers = [("X-Forwarded-Ssl", "on"), ("X-Real-IP", "203.0.113.9"), ("Forwarded", "proto=https;for=203.0.113.9")]
    environ = environ_of(server, "/", headers=headers)
    assert environ["wsgi.url_scheme"] == ["str", "http"]
    assert "HTTPS" not in environ
    assert environ["REMOTE_ADDR"] == ["str", "127.0.0.1"]
    assert environ["wsgi.multithread"] == ["bool", False]
    assert environ["wsgi.multiprocess"] == ["bool", False]
    assert environ["wsgi.run_once"] == ["bool", False]


def test_point_9_multiprocess_is_true_with_more_workers(start):
    server = start("echo_environ", "--pythonpath", BEHAVIOUR, workers=2)
    assert environ_of(server)["wsgi.multiprocess"] == ["bool", True]


def test_extras(server):
    with server.connect() as connection:
        environ = connection.request("/").json()["environ"]
        assert environ["REMOTE_PORT"] == ["str", connection.local_address.split(":")[1]]
    assert environ["SERVER_SOFTWARE"][1].startswith("clutch/")
    assert environ["wsgi.input_terminated"] == ["bool", True]
    assert "wsgi.file_wrapper" in environ
    assert environ["clutch.worker"] == ["int", 1]
    assert environ["SERVER_SOFTWARE"][1].endswith(environ["clutch.version"][1])
    for key in ("clutch.gil_wait_us", "clutch.queue_us"):
        kind, value = environ[key]
        assert kind == "int" and 0 <= value < 60_000_000, key
    assert "clutch.client_disconnected" in environ


def test_client_disconnected_tells_the_truth(behaviours, gate):
    behaviours.request("/record/")
    with behaviours.connect() as connection:
        connection.send(make_request(f"/disconnect/?gate={gate.path}"))
        gate.open()
        assert connection.read_response().body == b"here"
    connection = behaviours.connect()
    connection.send(make_request(f"/disconnect/?gate={gate.path}"))
    gate.wait_reached()
    end(connection, "close")
    gate.open()
    values = [details["value"] for name, details in behaviours.request("/record/").json() if name == "disconnected"]
    assert values == [False, True]
