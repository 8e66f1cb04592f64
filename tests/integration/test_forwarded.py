# SPDX-License-Identifier: MIT
"""What a proxy says of its client counts when the proxy is trusted (--forwarded-allow-ips), and only then."""

from __future__ import annotations

import json

import pytest

from support.client import make_request
from support.kernel import wait_read
from support.server import BEHAVIOUR
from support.waiting import Gate

STRANGER = "127.0.0.2"  # not in the list of these servers
ALL = ["--forwarded-headers", "for,proto,host,forwarded"]
FIELDS = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "shop.example")]


@pytest.fixture(scope="module")
def server(start_module):
    """Trusts 127.0.0.1 and a network of proxies, in all fields."""
    options = [*ALL, "--forwarded-allow-ips", "127.0.0.1,10.0.0.0/8", "--debug-without", "log-limit"]
    return start_module("show_request", "--pythonpath", BEHAVIOUR, *options)


def environ_of(server, headers, source: str | None = None, **options) -> dict[str, str]:
    with server.connect(source=source) as connection:
        return connection.request("/x", headers=headers, **options).json()["environ"]


def test_a_trusted_proxy_names_client_scheme_and_host(server):
    environ = environ_of(server, FIELDS)
    assert environ["REMOTE_ADDR"] == "203.0.113.9" and "REMOTE_PORT" not in environ
    assert environ["wsgi.url_scheme"] == "https" and environ["HTTPS"] == "on"
    assert environ["HTTP_HOST"] == "shop.example"
    assert environ["clutch.peer_addr"] == "127.0.0.1"
    assert environ["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"


def test_of_others_the_fields_are_left_alone(server):
    environ = environ_of(server, [*FIELDS, ("Forwarded", "for=1.2.3.4;proto=ftp"), ("X-Forwarded-Proto", "rubbish")], STRANGER)
    assert (environ["REMOTE_ADDR"], environ["clutch.peer_addr"]) == (STRANGER, STRANGER)
    assert environ["REMOTE_PORT"] and environ["HTTP_HOST"] == "localhost"
    assert environ["wsgi.url_scheme"] == "http" and "HTTPS" not in environ
    assert environ["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"
    assert environ["HTTP_X_FORWARDED_HOST"] == "shop.example"
    assert environ["HTTP_X_FORWARDED_PROTO"] == "https,rubbish"
    assert environ["HTTP_FORWARDED"] == "for=1.2.3.4;proto=ftp"


def test_what_is_told_is_of_one_request(server):
    with server.connect() as connection:
        connection.request("/x", headers=FIELDS)
        plain = connection.request("/x").json()["environ"]
        named = connection.request("/x", headers=[("Forwarded", 'for="[2001:db8::1]:99";proto=https')]).json()["environ"]
    assert plain["REMOTE_ADDR"] == "127.0.0.1" and plain["REMOTE_PORT"]
    assert plain["wsgi.url_scheme"] == "http" and "HTTPS" not in plain and plain["HTTP_HOST"] == "localhost"
    assert (named["REMOTE_ADDR"], named["REMOTE_PORT"], named["HTTPS"]) == ("2001:db8::1", "99", "on")


def test_a_client_cannot_choose_its_address(server):
    """What it puts to the left of what the proxies add is not believed, be it an address of theirs or rubbish."""
    for claim in ("10.0.0.1", "127.0.0.1", "198.51.100.66", "rubbish", "<script>"):
        environ = environ_of(server, [("X-Forwarded-For", f"{claim}, 203.0.113.9, 10.1.2.3")])
        assert environ["REMOTE_ADDR"] == "203.0.113.9"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("X-Forwarded-For", "rubbish", "not an address"),
        ("X-Forwarded-For", "203.0.113.9, fe80::1%eth0, 10.1.2.3", "not an address"),
        ("X-Forwarded-Proto", "https, http", "neither http nor https"),
        ("X-Forwarded-Host", "a/b", "host that a proxy names"),
        ("X-Forwarded-Host", "evil.example,shop.example", "host that a proxy names"),
        ("Forwarded", "for=203.0.113.9; ;", "malformed Forwarded"),
        ("Forwarded", "for=203.0.113.9;proto=ftp", "neither http nor https"),
    ],
)
def test_rubbish_of_a_trusted_proxy_is_refused(server, name, value, reason):
    with server.connect() as connection:
        address = connection.local_address
        connection.send(make_request("/x", headers=[(name, value)]))
        assert connection.read_response().status == 400
        assert connection.is_closed_by_server()
    server.wait_for_log(rf"refused 400 \([^)]*{reason}[^)]*\) of {address}: .*{name}")


@pytest.mark.parametrize(
    ("value", "source", "shown"),
    [
        ("198.51.100.66, 203.0.113.9", None, r"203\.0\.113\.9"),
        ("[2001:db8::1]:4711", None, r"2001:db8::1:4711"),
        ("203.0.113.9", STRANGER, r"127\.0\.0\.2:\d+"),
        ("unknown", None, r"127\.0\.0\.1:\d+"),
    ],
)
def test_refusals_are_told_of_the_client(server, value, source, shown):
    head = make_request(f"/{len(value)}", "POST", headers=[("X-Forwarded-For", value), ("Transfer-Encoding", "chunked")])
    with server.connect(source=source) as connection:
        connection.send(head + b"no size\r\n")
        assert connection.read_response().status == 400
    server.wait_for_log(rf'refused 400 \(invalid chunk\) of {shown}: "POST /{len(value)} ')


def test_two_kinds_that_disagree_are_refused(server):
    headers = [("Forwarded", "for=203.0.113.9"), ("X-Forwarded-For", "203.0.113.10")]
    assert server.request("/x", headers=headers).status == 400


def test_by_default_no_host_and_no_forwarded(start):
    """A proxy that sets only the usual two passes the others on as the client has written them."""
    environ = environ_of(start("show_request", "--pythonpath", BEHAVIOUR), [*FIELDS, ("Forwarded", "for=1.2.3.4;host=evil")])
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("203.0.113.9", "https")
    assert environ["HTTP_HOST"] == "localhost"


@pytest.mark.parametrize(("source", "client"), [(None, "127.0.0.1"), (STRANGER, STRANGER)])
def test_nobody_is_trusted(start, source, client):
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--forwarded-allow-ips", "none")
    environ = environ_of(server, FIELDS, source)
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == (client, "http")


def test_whoever_connects_is_trusted_but_not_whom_they_name(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--forwarded-allow-ips", "*")
    environ = environ_of(server, [("X-Forwarded-For", "198.51.100.66, 203.0.113.9")], STRANGER)
    assert (environ["REMOTE_ADDR"], environ["clutch.peer_addr"]) == ("203.0.113.9", STRANGER)


def test_a_proxy_on_a_unix_socket(start, tmp_path):
    bind = [f"unix:{tmp_path / 'socket'}"]
    trusting = start("show_request", "--pythonpath", BEHAVIOUR, bind=bind)
    environ = environ_of(trusting, FIELDS)
    assert (environ["REMOTE_ADDR"], environ["clutch.peer_addr"], environ["HTTPS"]) == ("203.0.113.9", "", "on")
    trusting.stop()
    other = start("show_request", "--pythonpath", BEHAVIOUR, "--forwarded-allow-ips", "127.0.0.1", bind=bind)
    environ = environ_of(other, FIELDS)
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("", "http")


def test_ipv6_and_its_loopback(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR, bind=["[::1]:0"])
    environ = environ_of(server, FIELDS)
    assert (environ["REMOTE_ADDR"], environ["clutch.peer_addr"]) == ("203.0.113.9", "::1")


def test_the_access_log_shows_the_client(start):
    log_format = '%(h)s %({REMOTE_ADDR}e)s %({clutch.peer_addr}e)s %({wsgi.url_scheme}e)s'
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--access-logfile", "-", "--access-logformat", log_format)
    server.request("/x", headers=FIELDS)
    server.out.wait_for(r"^203\.0\.113\.9 203\.0\.113\.9 127\.0\.0\.1 https$")
    server.request("/x", headers=[("X-Forwarded-For", "unknown")])
    server.out.wait_for(r"^- - 127\.0\.0\.1 http$")


def test_json_log_shows_the_client(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--access-logfile", "-", "--access-logformat", "json")
    server.request("/x", headers=FIELDS)
    assert json.loads(server.out.wait_for(r"^\{.*")[-1][0])["remote_address"] == "203.0.113.9"


@pytest.mark.parametrize(("source", "client"), [(None, "203.0.113.9"), (STRANGER, STRANGER)])
def test_a_request_that_waited_in_the_queue_is_judged_alike(start, tmp_path, source, client):
    server = start("router", "--pythonpath", BEHAVIOUR, "--forwarded-allow-ips", "127.0.0.1")
    gate = Gate(tmp_path)
    with server.connect() as first, server.connect(source=source) as second:
        first.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        second.send(make_request("/show_request/", headers=FIELDS))
        wait_read(second)
        assert second.is_silent(0.1)
        gate.open()
        assert second.read_response().json()["environ"]["REMOTE_ADDR"] == client
        assert second.request("/show_request/", headers=FIELDS).json()["environ"]["REMOTE_ADDR"] == client
        assert first.read_response().status == 200


def test_underscores_can_be_refused(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--header-map", "refuse")
    with server.connect() as connection:
        connection.send(make_request("/x", headers=[("X_Forwarded_For", "203.0.113.9")]))
        assert connection.read_response().status == 400
        assert connection.is_closed_by_server()
    server.wait_for_log(r"refused 400 \(underscore in a field name\) of .*X_Forwarded_For: 203\.0\.113\.9")
    assert server.request("/x", headers=[("X-Fine", "a_b")]).status == 200


def test_an_underscore_does_not_pose_as_a_proxy(server):
    environ = environ_of(server, [("X_Forwarded_For", "203.0.113.9"), ("X_FORWARDED_PROTO", "https")])
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("127.0.0.1", "http")
    assert "HTTP_X_FORWARDED_FOR" not in environ
