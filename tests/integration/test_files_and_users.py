# SPDX-License-Identifier: MIT
"""--pid, --error-logfile, --access-logfile, --umask; temporary files of large bodies."""

from __future__ import annotations

import os
import signal
import socket
import stat

import pytest

from support import processes
from support.client import make_request
from support.server import BEHAVIOUR
from support.waiting import wait_until


def start_router(start, *options, **keywords):
    return start("router", "--pythonpath", BEHAVIOUR, *options, **keywords)


def test_pid_file(start, tmp_path):
    path = tmp_path / "clutch.pid"
    server = start_router(start, "--pid", path)
    assert path.read_text().strip() == str(server.pid)
    assert server.stop() == 0
    assert not path.exists()


def test_a_stale_pid_file_is_replaced(start, tmp_path):
    path = tmp_path / "clutch.pid"
    path.write_text("999999999\n")
    server = start_router(start, "--pid", path)
    assert path.read_text().strip() == str(server.pid)


def test_pid_file_that_cannot_be_written(start, tmp_path):
    server = start_router(start, "--pid", tmp_path / "no" / "such" / "file", ready=False)
    assert server.wait_exit() in (1, 2)
    assert server.log_contains(r"no/such/file")


def test_error_log_in_a_file(start, tmp_path):
    """The server's lines and the application's standard error; standard error itself stays silent."""
    path = tmp_path / "error.log"
    server = start_router(start, "--error-logfile", path, bind=[f"unix:{tmp_path}/s"], ready=False)
    wait_until(lambda: path.exists() and "ready: 1 worker" in path.read_text(), "the server to be ready")
    assert server.log.text == ""
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert path.read_text().splitlines()[-1].endswith("stopped")


def test_error_log_is_appended_to(start, tmp_path):
    path = tmp_path / "error.log"
    path.write_text("before\n")
    server = start_router(start, "--error-logfile", path, bind=["192.0.2.1:1"], ready=False)
    assert server.wait_exit() == 1
    text = path.read_text()
    assert text.startswith("before\n") and "192.0.2.1" in text


def test_access_log_in_a_file(start, tmp_path):
    path = tmp_path / "access.log"
    server = start_router(start, "--access-logfile", path, workers=2)
    for number in range(10):
        server.request(f"/blocks/list-of-one?{number}")
    wait_until(lambda: len(path.read_text().splitlines()) == 10, "ten lines")
    assert server.out.text == ""


@pytest.mark.parametrize("option", ["--access-logfile", "--error-logfile"])
def test_log_file_that_cannot_be_opened(start, option):
    server = start_router(start, option, "/no/such/folder/log", ready=False)
    assert server.wait_exit() in (1, 2)
    assert server.log_contains(rf"{option}.*/no/such/folder/log")


def listens(path) -> bool:
    """Whether somebody does; a socket is there before."""
    with socket.socket(socket.AF_UNIX) as attempt:
        return attempt.connect_ex(str(path)) == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_under_the_logs(start, tmp_path):
    """Lines are lost, requests are not."""
    server = start_router(
        start, "--access-logfile", "/dev/full", "--error-logfile", "/dev/full", bind=[f"unix:{tmp_path}/s"], ready=False
    )
    server.known_addresses = [(socket.AF_UNIX, f"{tmp_path}/s")]
    wait_until(lambda: listens(tmp_path / "s"), "the socket")
    assert server.request("/raises/at-once").status == 500
    assert server.request("/printer/error").body == b"printed"
    assert server.request("/blocks/list-of-one").body == b"one"


def test_umask(start, tmp_path):
    app = tmp_path / "writer.py"
    app.write_text(
        "import os\n"
        "def application(environ, start_response):\n"
        "    open(environ['QUERY_STRING'], 'w').close()\n"
        "    start_response('200 OK', [])\n    return [b'']\n"
    )
    server = start(app, "--umask", "027")
    made = tmp_path / "made"
    assert server.request(f"/?{made}").status == 200
    assert stat.S_IMODE(made.stat().st_mode) == 0o640


def test_a_large_body_leaves_no_file(start, tmp_path):
    """The temporary file has no name, and its descriptor is closed with the request."""
    server = start_router(start, "--body-memory", "1k", "--body-temp-path", tmp_path)
    pid = server.worker_pids()[0]
    with server.connect() as connection:
        connection.send(make_request("/echo_body/raw", "POST", body=b"x" * 100_000)[:-1])
        wait_until(lambda: any(str(tmp_path) in name for name in processes.open_descriptors(pid)), "the temporary file")
        assert list(tmp_path.iterdir()) == []
        connection.send(b"x")
        assert len(connection.read_response().body) == 100_000
        wait_until(
            lambda: not any(str(tmp_path) in name for name in processes.open_descriptors(pid)), "the file to be closed"
        )


def test_a_body_file_of_a_client_that_goes(start, tmp_path):
    server = start_router(start, "--body-memory", "1k", "--body-temp-path", tmp_path)
    for _ in range(5):
        with server.connect() as connection:
            connection.send(make_request("/echo_body/raw", "POST", body=b"x" * 100_000)[:-1])
    assert server.request("/blocks/list-of-one").body == b"one"


def test_a_folder_for_bodies_that_cannot_be_used(start):
    """A large body is kept in memory then; the server goes on."""
    server = start_router(start, "--body-memory", "1k", "--body-temp-path", "/no/such/folder")
    assert len(server.request("/echo_body/raw", "POST", body=b"x" * 100_000).body) == 100_000
