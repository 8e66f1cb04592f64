# SPDX-License-Identifier: MIT
"""wsgi.file_wrapper: point 31 of the PEP 3333 checklist."""

from __future__ import annotations

import contextlib
import os
import random

import pytest

from support.client import make_request
from support.server import BEHAVIOUR
from support.waiting import LIMIT_S, Gate, wait_until

SIZE = 300_000


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "data.bin"
    path.write_bytes(random.Random(31).randbytes(SIZE))
    return path


@pytest.fixture
def check_closed(behaviours):
    """Returns a function that checks that the files opened by the test, so many, were closed."""
    behaviours.request("/file_wrapper/opened")

    def check(count: int = 1) -> None:
        assert behaviours.request("/file_wrapper/opened").json() == [True] * count

    return check


def test_a_whole_file(behaviours, check_closed, file):
    with behaviours.connect() as connection:
        response = connection.request(f"/file_wrapper/plain?file={file}")
        assert (response.status, response.header("Content-Length")) == (200, str(SIZE))
        assert response.body == file.read_bytes()
        assert connection.request("/blocks/list-of-one").body == b"one"
    check_closed()


@pytest.mark.parametrize("skip", [1, 4096, SIZE - 1, SIZE])
def test_from_the_current_position(behaviours, file, skip):
    response = behaviours.request(f"/file_wrapper/plain?file={file}&skip={skip}")
    assert (response.header("Content-Length"), response.body) == (str(SIZE - skip), file.read_bytes()[skip:])


@pytest.mark.parametrize("skip", [0, 1, 10_000])
def test_of_a_buffered_file(behaviours, file, skip):
    """The descriptor of a buffered reader is further on than the reader itself."""
    response = behaviours.request(f"/file_wrapper/buffered?file={file}&skip={skip}")
    assert (response.header("Content-Length"), response.body) == (str(SIZE - skip), file.read_bytes()[skip:])


@pytest.mark.parametrize("content", [b"x", b"xxxxxxxx"])
def test_of_a_file_with_unwritten_changes(behaviours, check_closed, tmp_path, content):
    """What the application wrote and read() would give is in the buffer of the file only."""
    changed = tmp_path / "changed"
    changed.write_bytes(content)
    response = behaviours.request(f"/file_wrapper/edited?file={changed}")
    assert response.body == b"xnew" + content[4:]
    check_closed()


@pytest.mark.parametrize("length", [0, 1, 5000, SIZE])
def test_up_to_the_declared_length(behaviours, check_closed, file, length):
    with behaviours.connect() as connection:
        response = connection.request(f"/file_wrapper/declared?file={file}&length={length}")
        assert response.body == file.read_bytes()[:length]
        assert connection.request("/blocks/list-of-one").body == b"one"
    check_closed()


def test_a_file_shorter_than_declared(behaviours, check_closed, file):
    """Its size is known before anything is sent."""
    mark = behaviours.log.mark()
    with behaviours.connect() as connection:
        assert connection.request(f"/file_wrapper/declared?file={file}&length={SIZE + 10}").status == 500
        assert connection.request("/blocks/list-of-one").body == b"one"
    check_closed()
    behaviours.wait_for_log(rf"\[error\].*{SIZE + 10}", after=mark)


def test_an_empty_file(behaviours, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    response = behaviours.request(f"/file_wrapper/plain?file={empty}")
    assert (response.status, response.body, response.is_complete) == (200, b"", True)


def test_head(behaviours, check_closed, file):
    with behaviours.connect() as connection:
        assert connection.request(f"/file_wrapper/plain?file={file}", "HEAD").status == 200
        assert connection.request("/blocks/list-of-one").body == b"one"
    check_closed()


@pytest.mark.parametrize("skip", [0, 777])
def test_something_without_a_descriptor(behaviours, skip):
    assert behaviours.request(f"/file_wrapper/bytesio?skip={skip}").body == (b"in memory " * 1000)[skip:]


def test_reads_blocks_of_the_asked_size(behaviours, record):
    assert behaviours.request("/file_wrapper/no-fileno").body == b"y" * 20000
    events = record()
    assert events[-1] == ["file closed", {}]
    assert {details["size"] for name, details in events if name == "read"} == {4096}


def test_middleware_in_between_is_not_bypassed(behaviours, check_closed, tmp_path):
    small = tmp_path / "small.txt"
    small.write_text("lower case")
    assert behaviours.request(f"/file_wrapper/middleware?file={small}").body == b"LOWER CASE"
    check_closed()


@pytest.mark.parametrize("path", ["own-read", "decorated"])
def test_a_file_with_a_read_of_its_own_is_not_bypassed(behaviours, check_closed, tmp_path, path):
    small = tmp_path / "small.txt"
    small.write_text("lower case")
    assert behaviours.request(f"/file_wrapper/{path}?file={small}").body == b"LOWER CASE"
    check_closed()


def test_it_is_an_iterable(behaviours):
    assert behaviours.request("/file_wrapper/iterate").json() == ["zzzz", "zzzz", "zz"]


def test_making_one_sends_nothing(behaviours, file):
    assert behaviours.request(f"/file_wrapper/unused?file={file}").body == b"something else"


def test_a_device_is_read_not_sent_as_a_file(behaviours):
    """fileno() works, but there is no length: what comes out of it is the body. /dev/null ends at once."""
    response = behaviours.request("/file_wrapper/buffered?file=/dev/null")
    assert (response.status, response.body, response.is_complete) == (200, b"", True)


def test_a_large_file(behaviours, tmp_path):
    large = tmp_path / "large"
    with large.open("wb") as output:
        output.truncate(30_000_000)
        output.seek(29_999_990)
        output.write(b"0123456789")
    response = behaviours.request(f"/file_wrapper/plain?file={large}")
    assert (len(response.body), response.body[-10:]) == (30_000_000, b"0123456789")


def test_a_file_that_becomes_shorter_while_it_is_sent(start, tmp_path):
    """By whoever drives the loop, while the application is busy: the client does not wait for the rest in vain."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--send-timeout", "1h")
    large, gate = tmp_path / "large", Gate(tmp_path)
    with large.open("wb") as output:
        output.truncate(100_000_000)
    with server.connect() as connection:
        connection.send(make_request(f"/file_wrapper/gated-close?file={large}&gate={gate.path}"))
        connection.read_until(b"\r\n\r\n")
        gate.wait_reached()
        os.truncate(large, 1000)
        connection.socket.setblocking(False)

        def is_told() -> bool:
            with contextlib.suppress(BlockingIOError):
                while connection.socket.recv(1 << 20):
                    pass
            return server.log_contains("a file of the application became shorter while it was sent")

        wait_until(is_told, "the end of the file")
        gate.release()
        connection.socket.settimeout(LIMIT_S)
        connection.read_to_end()
    assert len(server.log.find_all("became shorter")) == 1


SHORTER = "/sys/devices/system/cpu/online"  # it has fewer bytes than its size says

BEHIND_WRITE = f"""
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])(b"first ")
    return environ["wsgi.file_wrapper"](open({SHORTER!r}, "rb"))
"""


@pytest.mark.skipif(not os.path.exists(SHORTER), reason="there is no such file here")
def test_a_file_that_is_shorter_behind_something_written(start, tmp_path):
    (tmp_path / "behind_write.py").write_text(BEHIND_WRITE)
    server = start("behind_write", "--pythonpath", tmp_path)
    response = server.request("/")
    assert response.body.startswith(b"first ") and not response.is_complete
    server.wait_for_log("a file of the application became shorter while it was sent: the response is cut off$")


@pytest.mark.skipif(not os.path.exists(SHORTER), reason="there is no such file here")
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_file_that_is_shorter_from_the_first(start, tmp_path, version):
    """Its client has not hung up, and is not said to have: the status is the application's."""
    log = tmp_path / "access.log"
    server = start("router", "--pythonpath", BEHAVIOUR, "--access-logfile", log)
    with server.connect() as connection:
        connection.send(make_request(f"/file_wrapper/plain?file={SHORTER}", version=version))
        assert not connection.read_response().is_complete
    server.wait_for_log("a file of the application became shorter while it was sent: the response is cut off$")
    wait_until(lambda: f' HTTP/{version}" 200 ' in log.read_text(), "the line of the access log")


def test_http_1_0(behaviours, file):
    with behaviours.connect() as connection:
        response = connection.request(f"/file_wrapper/plain?file={file}", version="1.0")
        assert response.body == file.read_bytes()
        assert connection.is_closed_by_server()
