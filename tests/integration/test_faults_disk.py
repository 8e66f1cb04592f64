# SPDX-License-Identifier: MIT
"""The disk for request and response bodies is full: who needs it is answered 503 and may try again; all others, and
responses, do without."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

from support.client import make_chunked, make_request
from support.kernel import send_at_once, wait_read
from support.server import BEHAVIOUR
from support.slow import connect_small, hash_body, pattern_hash
from support.waiting import wait_until

HELLO = "/blocks/list-of-one"
LINES_A_SECOND = 20  # H1_LOG_LIMIT_LINES
LIMIT = 1 << 20
TOO_MUCH = b"x" * (LIMIT * 3)
CAUSE = r"a request body cannot be kept in a temporary file in \S+ \(--body-temp-path\): "

LEFT_OUT = r"(?P<count>\d+) more lines about failures and slow clients were left out"


def unshared(directory: pathlib.Path, limit_bytes: int = LIMIT) -> list[str]:
    """A prefix that runs a program with a file system of so many bytes at `directory`, for itself alone."""
    mount = f'mount -t tmpfs -o size={limit_bytes} tmpfs "{directory}" && exec "$@"'
    return ["unshare", "-m", "sh", "-c", mount, "sh"]


def can_mount(directory: pathlib.Path) -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*unshared(directory), "true"], capture_output=True, check=False).returncode == 0


@pytest.fixture(params=["a full file system", "a limit on the size of files"])
def start_full(request, start, tmp_path):
    """start_full(limit_bytes, memory_bytes): a server that can keep bodies of less than the limit, and those of up to
    memory_bytes in memory."""
    folder = tmp_path / "bodies"
    folder.mkdir()
    if request.param == "a full file system" and not can_mount(folder):
        pytest.skip("nothing can be mounted here")

    def start_one(limit_bytes: int, memory_bytes: int):
        if request.param == "a full file system":
            prefix, error = unshared(folder, limit_bytes), "No space left on device"
        else:
            prefix, error = ["prlimit", f"--fsize={limit_bytes}"], "File too large"
        options = ["--body-memory", memory_bytes, "--body-temp-path", folder, "--response-memory", "64k"]
        server = start("router", "--pythonpath", BEHAVIOUR, *options, prefix=prefix)
        server.request("/echo_body/raw")
        server.error = error
        return server

    return start_one


@pytest.fixture
def full(start_full):
    return start_full(LIMIT, 1 << 16)


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_a_body_that_finds_no_room(full, form):
    """503 with Retry-After, the connection ends in order; one that fits is served, then and afterwards."""
    mark = full.log.mark()
    data = make_request("/echo_body/raw", "POST", body=TOO_MUCH)
    if form == "chunked":
        head = make_request("/echo_body/raw", "POST", headers=[("Transfer-Encoding", "chunked")])
        data = head + make_chunked([TOO_MUCH[i : i + 100_000] for i in range(0, len(TOO_MUCH), 100_000)])
    with full.connect() as connection:
        try:
            connection.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it need not be taken to its end
        response = connection.read_response()
        assert (response.status, response.says_close) == (503, True)
        assert int(response.header("Retry-After")) > 0
    full.wait_for_log(CAUSE + full.error, after=mark)
    full.wait_for_log(r"refused 503 \(request body cannot be stored\) of .*POST /echo_body/raw", after=mark)
    for size in (10, LIMIT // 2):
        assert len(full.request("/echo_body/raw", "POST", body=b"y" * size).body) == size


def test_a_full_disk_does_not_fill_the_log(start_full):
    """So many lines a second at most, then how many were left out."""
    full, count = start_full(4096, 1024), 5 * LINES_A_SECOND
    connections = [full.connect() for _ in range(count)]
    for connection in connections:
        connection.send(make_request("/echo_body/raw", "POST", headers=[("Content-Length", "5000")]))
        wait_read(connection)  # what comes whole is not kept in a file
    send_at_once(full.worker_pids()[0], connections, [TOO_MUCH[:5000]] * count)
    for connection in connections:
        assert connection.read_response().status == 503
        connection.close()

    def told() -> int:
        return sum(int(match["count"]) for match in full.log.find_all(LEFT_OUT))

    wait_until(lambda: len(full.log.find_all(CAUSE)) + told() == count, "lines about all bodies")
    assert len(full.log.find_all(CAUSE)) < count


def test_the_room_is_there_again(full):
    """Half a body that keeps the disk full, and the same one when its client has gone."""
    big = make_request("/echo_body/raw", "POST", body=b"z" * (LIMIT * 3 // 4))
    with full.connect() as connection:
        connection.send(big[:-1])
        assert full.request(HELLO).body == b"one"
    closing = big.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    def has_room() -> bool:
        try:
            return full.exchange(closing).startswith(b"HTTP/1.1 200")
        except (BrokenPipeError, ConnectionResetError):  # as long as there is none, the body need not be taken
            return False

    wait_until(has_room, "room for the body")


def test_a_response_that_finds_no_room(full):
    """The application waits for its slow client instead, and every byte arrives."""
    size = LIMIT * 8
    connection = connect_small(full)
    connection.send(make_request(f"/big_body?size={size}"))
    full.wait_for_log(r"a response cannot be kept in a temporary file in \S+ \(--body-temp-path\): " + full.error)
    assert hash_body(connection) == (pattern_hash(size), size)
    assert full.request(HELLO).body == b"one"
