# SPDX-License-Identifier: MIT
"""PROXY headers, version 1 and 2, in front of a connection: from trusted peers, and required of them."""

from __future__ import annotations

import os
import re
import signal

import pytest

from support import processes
from support.client import make_request
from support.kernel import connect_with
from support.server import BEHAVIOUR
from support.waiting import Gate, wait_until

STRANGER = "127.0.0.2"
LINE = b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ADDRESSES = bytes([203, 0, 113, 9, 192, 0, 2, 1]) + (4711).to_bytes(2, "big") + (80).to_bytes(2, "big")
IPV6 = bytes.fromhex("20010db8000000000000000000000001") * 2 + (4711).to_bytes(2, "big") + (80).to_bytes(2, "big")


def binary(command: int, family: int, payload: bytes) -> bytes:
    return SIGNATURE + bytes([command, family]) + len(payload).to_bytes(2, "big") + payload


TLVS = b"\x04\x10\x00" + 4096 * b"x" + b"\x01\x00\x02h2"
NAMED = {
    "line": (LINE, "203.0.113.9"),
    "line, IPv6": (b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n", "2001:db8::1"),
    "binary": (binary(0x21, 0x11, ADDRESSES), "203.0.113.9"),
    "binary, IPv6": (binary(0x21, 0x21, IPV6), "2001:db8::1"),
    "binary with more": (binary(0x21, 0x11, ADDRESSES + TLVS), "203.0.113.9"),
}
UNNAMED = {
    "line": b"PROXY UNKNOWN\r\n",
    "local": binary(0x20, 0x00, b""),
    "local with addresses": binary(0x20, 0x11, ADDRESSES),
    "unspecified": binary(0x21, 0x00, b"abc"),
    "unix": binary(0x21, 0x31, 216 * b"\0"),
    "UDP": binary(0x21, 0x12, ADDRESSES),
    "UDP, IPv6": binary(0x21, 0x22, IPV6),
    "unix datagrams": binary(0x21, 0x32, 216 * b"\0"),
}
WRONG = {
    "none": (b"", "no PROXY header"),
    "a path for an address": (b"PROXY TCP4 /etc 192.0.2.1 4711 80\r\n", "invalid address"),
    "port": (b"PROXY TCP4 203.0.113.9 192.0.2.1 65536 80\r\n", "invalid address or port"),
    "bare LF": (LINE.replace(b"\r", b""), "not one line"),
    "too long": (b"PROXY UNKNOWN " + 100 * b"x" + b"\r\n", "not one line"),
    "version 3": (binary(0x31, 0x11, ADDRESSES), "unknown version"),
    "a family of its own": (binary(0x21, 0x41, ADDRESSES), "unknown family"),
    "a transport of its own": (binary(0x21, 0x13, ADDRESSES), "unknown family"),
    "too short": (binary(0x21, 0x21, ADDRESSES), "invalid address"),
    "too much": (binary(0x21, 0x11, ADDRESSES + 20000 * b"\0"), "longer than 16 KiB"),
}


@pytest.fixture(scope="module")
def server(start_module):
    arguments = ["--proxy-protocol", "--forwarded-allow-ips", "127.0.0.1,10.0.0.0/8", "--debug-without", "log-limit"]
    return start_module("router", "--pythonpath", BEHAVIOUR, *arguments)


def read_environ(connection) -> dict[str, str]:
    return connection.read_response().json()["environ"]


def send_bytes(connection, data: bytes, size: int) -> None:
    """Sends in pieces; a server that has refused already may close while more is on its way."""
    try:
        connection.send_slowly(data, size)
    except (BrokenPipeError, ConnectionResetError):
        pass


@pytest.mark.parametrize("size", [1, 7, 20, 100_000])
@pytest.mark.parametrize("name", NAMED)
def test_the_header_names_the_client(server, name, size):
    header, client = NAMED[name]
    with server.connect() as connection:
        connection.send_slowly(header + make_request("/show_request/a", "POST", body=b"hello"), size)
        answer = connection.read_response().json()
        environ = answer["environ"]
        assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (client, "4711")
        assert (environ["clutch.peer_addr"], environ["PATH_INFO"], answer["body"]) == ("127.0.0.1", "/a", "hello")
        again = connection.request("/show_request/b").json()["environ"]  # for the life of the connection
        assert (again["REMOTE_ADDR"], again["PATH_INFO"]) == (client, "/b")


@pytest.mark.parametrize("name", UNNAMED)
def test_a_header_without_a_client(server, name):
    with server.connect() as connection:
        connection.send(UNNAMED[name] + make_request("/show_request/"))
        environ = read_environ(connection)
        assert f"{environ['REMOTE_ADDR']}:{environ['REMOTE_PORT']}" == connection.local_address


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_header_is_refused(server, name, size):
    header, reason = WRONG[name]
    with server.connect() as connection:
        address = connection.local_address
        send_bytes(connection, header + make_request("/show_request/"), size)
        assert connection.read_response().status == 400
        assert connection.is_closed_by_server()
    server.wait_for_log(rf"refused 400 \([^)]*{reason}[^)]*\) of {address}: ")


@pytest.mark.parametrize("data", [LINE, binary(0x21, 0x11, ADDRESSES), b""], ids=["line", "binary", "none"])
def test_others_are_refused(server, data):
    with server.connect(source=STRANGER) as connection:
        address = connection.local_address
        connection.send(data + make_request("/show_request/"))
        assert connection.read_response().status == 400
        assert connection.is_closed_by_server()
    server.wait_for_log(rf"refused 400 \(proxy-protocol is on, but not for this peer[^)]*\) of {address}: ")


@pytest.mark.parametrize(
    ("data", "source", "shown"),
    [
        (LINE, STRANGER, r"PROXY TCP4 203\.0\.113\.9 192\.0\.2\.1 4711 80"),
        (binary(0x21, 0x11, ADDRESSES), STRANGER, r"\\x0d\\x0a.*"),
        (b"PROXY TCP4 /etc 192.0.2.1 4711 80\r\n", None, r"PROXY TCP4 /etc 192\.0\.2\.1 4711 80"),
        (binary(0x21, 0x41, ADDRESSES), None, r"\\x0d\\x0a.*"),
        (b"PROXY UNKNOWN " + 100 * b"x" + b"\r\n", None, r"PROXY UNKNOWN x{50}"),
        (LINE.replace(b"\r", b""), None, r"PROXY TCP4 203\.0\.113\.9 192\.0\.2\.1 4711 80"),
        (b"", None, r"GET /show_request/ HTTP/1\.1"),
        (b"\r\n", None, r"\\x0d\\x0aG"),
    ],
)
def test_the_log_shows_the_header_and_nothing_behind_it(server, data, source, shown):
    with server.connect(source=source) as connection:
        address = connection.local_address
        connection.send(data + make_request("/show_request/", headers=[("Authorization", "secret")]))
        assert connection.read_response().status == 400
    line = server.wait_for_log(rf"refused 400 \([^)]*\) of {address}: \"\", at .*")[0]
    assert re.search(rf", at \"{shown}\"$", line), line
    assert "secret" not in line


@pytest.mark.parametrize("part", [b"P", LINE[:-1], SIGNATURE, binary(0x21, 0x11, ADDRESSES)[:-1]])
def test_a_header_that_does_not_end(start, part):
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--proxy-protocol", "--head-timeout", "300ms")
    with connect_with(server, part) as connection:
        assert connection.read_response().status == 408
        assert connection.is_closed_by_server()


def test_a_second_header_is_no_request(server):
    with server.connect() as connection:
        connection.send(LINE + LINE + make_request("/show_request/"))
        assert connection.read_response().status >= 400
        assert connection.is_closed_by_server()


def test_what_the_client_says_of_itself_is_not_believed(server):
    """The proxy passes bytes on: its own word is the header, the fields are the client's."""
    fields = [("X-Forwarded-For", "198.51.100.66"), ("X-Forwarded-Proto", "https")]
    seen = {}
    for name, header in {"client": LINE, "untold": b"PROXY UNKNOWN\r\n", "unix": UNNAMED["unix"]}.items():
        with server.connect() as connection:
            connection.send(header + make_request("/show_request/", headers=fields))
            environ = read_environ(connection)
            seen[name] = environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]
    assert seen == {"client": ("203.0.113.9", "http"), "untold": ("127.0.0.1", "http"), "unix": ("127.0.0.1", "http")}


def test_a_trusted_proxy_behind_the_first_is_believed(server):
    fields = [("X-Forwarded-For", "198.51.100.66"), ("X-Forwarded-Proto", "https")]
    with server.connect() as connection:
        connection.send(b"PROXY TCP4 10.1.2.3 192.0.2.1 4711 80\r\n" + make_request("/show_request/", headers=fields))
        environ = read_environ(connection)
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == ("198.51.100.66", "https")


def test_any_peer_is_trusted_but_not_whom_it_names(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--proxy-protocol", "--forwarded-allow-ips", "*")
    with server.connect(source=STRANGER) as connection:
        connection.send(LINE + make_request("/", headers=[("X-Forwarded-For", "198.51.100.66")]))
        environ = read_environ(connection)
    assert (environ["REMOTE_ADDR"], environ["clutch.peer_addr"]) == ("203.0.113.9", STRANGER)


def test_a_unix_socket(start, tmp_path):
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--proxy-protocol", bind=[f"unix:{tmp_path / 'socket'}"])
    with server.connect() as connection:
        connection.send(LINE + make_request("/"))
        environ = read_environ(connection)
    assert (environ["REMOTE_ADDR"], environ["clutch.peer_addr"]) == ("203.0.113.9", "")


def test_without_the_option_it_is_no_request(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR)
    for header in (LINE, binary(0x21, 0x11, ADDRESSES)):
        with server.connect() as connection:
            connection.send(header + make_request("/"))
            assert connection.read_response().status >= 400
            assert connection.is_closed_by_server()


def test_the_log_names_the_client(start):
    server = start("show_request", "--pythonpath", BEHAVIOUR, "--proxy-protocol", "--access-logfile", "-")
    with server.connect() as connection:
        connection.send(LINE + make_request("/served"))
        assert connection.read_response().status == 200
        connection.send(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.read_response().status == 400
    server.out.wait_for(r"^203\.0\.113\.9 - - .*GET /served")
    server.wait_for_log(r"refused 400 \(no Host field\) of 203\.0\.113\.9:4711: ")


def test_the_client_is_known_where_a_request_has_waited(start, tmp_path):
    server = start("router", "--pythonpath", BEHAVIOUR, "--proxy-protocol")
    gate = Gate(tmp_path)
    with server.connect() as first, server.connect() as second, server.connect() as third:
        first.send(LINE + make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        second.send(LINE + make_request("/show_request/"))
        third.send(LINE[:20])
        assert second.is_silent(0.1) and third.is_silent(0.1)
        gate.open()
        assert read_environ(second)["REMOTE_ADDR"] == "203.0.113.9"
        again = second.request("/show_request/").json()["environ"]
        assert (again["REMOTE_ADDR"], again["clutch.peer_addr"]) == ("203.0.113.9", "127.0.0.1")
        third.send(LINE[20:] + make_request("/show_request/"))
        assert read_environ(third)["REMOTE_ADDR"] == "203.0.113.9"
        assert first.read_response().status == 200


def test_the_client_is_known_to_the_worker_that_takes_a_connection_over(start):
    """Idle connections of a worker that leaves, in the middle of their life and right behind their header."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--proxy-protocol", workers=2)
    with server.connect() as served, server.connect() as fresh:
        served.send(LINE + make_request("/show_request/"))
        assert read_environ(served)["REMOTE_ADDR"] == "203.0.113.9"
        fresh.send(LINE)
        for pid in server.worker_pids():
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not processes.is_running(pid), "the worker to leave")
        for connection in (served, fresh):
            environ = connection.request("/show_request/").json()["environ"]
            assert (environ["REMOTE_ADDR"], environ["clutch.peer_addr"]) == ("203.0.113.9", "127.0.0.1")
