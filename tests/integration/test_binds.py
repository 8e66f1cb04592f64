# SPDX-License-Identifier: MIT
"""Where the server listens: several addresses, IPv6, unix sockets."""

from __future__ import annotations

import os
import re
import socket
import stat

import pytest

from support.server import BEHAVIOUR, run_clutch


def start_environ(start, *addresses, **options):
    return start("echo_environ", "--pythonpath", BEHAVIOUR, bind=addresses, **options)


def environ_of(server, listener=0):
    with server.connect(listener) as connection:
        return {key: value for key, (_, value) in connection.request("/").json()["environ"].items()}


def test_port_zero_takes_a_free_port(start):
    server = start_environ(start, "127.0.0.1:0")
    assert server.port > 0
    assert environ_of(server)["SERVER_PORT"] == str(server.port)


def test_several_addresses(start, tmp_path):
    path = tmp_path / "app.sock"
    server = start_environ(start, "127.0.0.1:0", "127.0.0.1:0", "[::1]:0", f"unix:{path}", workers=2)
    addresses = server.addresses()
    assert [family for family, _ in addresses] == [socket.AF_INET, socket.AF_INET, socket.AF_INET6, socket.AF_UNIX]
    for listener in range(4):
        assert environ_of(server, listener)["REQUEST_METHOD"] == "GET"


def test_ipv6(start):
    server = start_environ(start, "[::1]:0")
    environ = environ_of(server)
    assert environ["REMOTE_ADDR"] == "::1" and environ["SERVER_NAME"]
    assert environ["SERVER_PORT"] == str(server.port)


def test_all_addresses(start):
    server = start_environ(start, ":0")
    with socket.create_connection(("127.0.0.1", server.port)):
        pass
    assert environ_of(server)["REMOTE_ADDR"] in ("127.0.0.1", "::1")


def test_unix_socket(start, tmp_path):
    path = tmp_path / "app.sock"
    server = start_environ(start, f"unix:{path}")
    environ = environ_of(server)
    assert environ["SERVER_NAME"] and environ.get("REMOTE_ADDR", "") == ""
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    assert server.stop() == 0
    assert not path.exists(), "the socket is removed at the end"


@pytest.mark.parametrize("option", ["--bind", "--metrics-bind", "--control-socket"])
def test_no_path_breaks_a_line_of_the_log(tmp_path, option):
    """Nor what one master passes to the next one, which is lines as well."""
    result = run_clutch(option, "unix:a\n[2026-01-01] b\x1b[2J", "--pythonpath", BEHAVIOUR, "respond", cwd=tmp_path)
    assert result.returncode == 2
    assert re.fullmatch(
        rf".*{option}: cannot listen at 'unix:a\\x0a\[2026-01-01\] b\\x1b\[2J': expected a \S+ .*without control characters\n",
        result.stderr,
    )


def test_a_stale_unix_socket_is_replaced(start, tmp_path):
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    server = start_environ(start, f"unix:{path}")
    assert environ_of(server)["REQUEST_METHOD"] == "GET"


def test_a_living_unix_socket_is_not_taken_away(start, tmp_path):
    path = tmp_path / "app.sock"
    first = start_environ(start, f"unix:{path}")
    second = start_environ(start, f"unix:{path}", ready=False)
    assert second.wait_exit() == 1
    assert second.log_contains(str(path))
    assert environ_of(first)["REQUEST_METHOD"] == "GET"


def test_a_file_at_the_path_is_left_alone(start, tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    server = start_environ(start, f"unix:{path}", ready=False)
    assert server.wait_exit() == 1
    assert path.read_text() == "data"


def test_an_address_that_is_not_ours(start):
    server = start_environ(start, "192.0.2.1:0", ready=False)
    assert server.wait_exit() == 1
    assert server.log_contains(r"192\.0\.2\.1")


@pytest.mark.parametrize("address", ["localhost:0", "127.0.0.1:0"])
def test_the_log_line(start, address):
    server = start_environ(start, address)
    server.wait_for_log(
        rf"\[info\] master: listening at http://{address.split(':')[0].replace('localhost', '127.0.0.1')}"
        r":\d+ \(backlog \d+\)$"
    )


@pytest.mark.parametrize(
    "address", ["nonsense", "127.0.0.1:99999", "127.0.0.1:http", "unix:", "[::1:80", "::1:80", "127.0.0.1:-1"]
)
def test_bad_addresses(address):
    result = run_clutch("--bind", address, "app")
    assert result.returncode == 2
    assert "bind" in result.stderr and address in result.stderr
