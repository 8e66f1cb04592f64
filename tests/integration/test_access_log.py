# SPDX-License-Identifier: MIT
"""The access log as text: combined, common, uwsgi, and gunicorn's atoms."""

from __future__ import annotations

import re
import time

import pytest

from support.client import make_request
from support.kernel import wait_read
from support.server import BEHAVIOUR

TIME = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"


def start_logging(start, log_format: str | None = None, **options):
    arguments = ["--access-logfile", "-"]
    if log_format is not None:
        arguments += ["--access-logformat", log_format]
    return start("router", "--pythonpath", BEHAVIOUR, *arguments, **options)


def line_of(server, target: str, method: str = "GET", **options) -> str:
    """Makes a request and returns the line that it adds to the log."""
    mark = server.out.mark()
    server.request(target, method, **options)
    return server.out.wait_for(re.escape(target[:60]), after=mark)[0].string


def check(pattern: str, line: str) -> re.Match:
    match = re.fullmatch(pattern, line)
    assert match, f"{line!r} is not {pattern!r}"
    return match


def test_no_access_log_by_default(start):
    server = start("router", "--pythonpath", BEHAVIOUR)
    server.request("/blocks/list-of-one")
    assert server.stop() == 0
    assert server.out.text == "" and "GET" not in server.log.text


def test_combined_is_the_default(start):
    server = start_logging(start)
    line = line_of(server, "/blocks/list-of-one?a=b", headers=[("Referer", "http://x/"), ("User-Agent", "test/1.0")])
    check(rf'127\.0\.0\.1 - - {TIME} "GET /blocks/list-of-one\?a=b HTTP/1\.1" 200 3 "http://x/" "test/1\.0"', line)
    line = line_of(server, "/blocks/empty-list", "POST", version="1.0")
    check(rf'127\.0\.0\.1 - - {TIME} "POST /blocks/empty-list HTTP/1\.0" 200 (0|-) "-" "-"', line)


def test_common(start):
    line = line_of(start_logging(start, "common"), "/nothing/here", headers=[("Referer", "http://x/")])
    check(rf'127\.0\.0\.1 - - {TIME} "GET /nothing/here HTTP/1\.1" 404 \d+', line)


def test_user_of_basic_authentication(start):
    server = start_logging(start)
    assert " - someone [" in line_of(server, "/", headers=[("Authorization", "Basic c29tZW9uZTpzZWNyZXQ=")])
    assert "secret" not in server.out.text
    assert " - - [" in line_of(server, "/", headers=[("Authorization", "Basic !!!")])


def test_uwsgi(start):
    """The line of the experiment that clutch comes from, field by field."""
    server = start_logging(start, "uwsgi")
    pid = server.worker_pids()[0]
    headers = [
        ("User-Agent", "python-requests/2.31.0"),
        ("Accept-Encoding", "gzip, deflate"),
        ("Accept", "*/*"),
        ("Connection", "keep-alive"),
    ]
    line = line_of(server, "/respond/?headers=[[%22Content-Type%22,%22text/plain%22]]&body=true", headers=headers)
    match = check(
        rf"\[pid: {pid}\|app: 0\|req: 1/1\] 127\.0\.0\.1 \(\) \{{32 vars in (?P<bytes>\d+) bytes\}} "
        r"\[(?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\] GET /respond/\?\S+ "
        r"=> generated 4 bytes in \d+ msecs \(HTTP/1\.1 200\) 1 headers in 45 bytes "
        r"\(\d switches on core 0\)",
        line,
    )
    assert 300 < int(match["bytes"]) < 600
    assert abs(time.mktime(time.strptime(match["time"])) - time.time()) < 120
    assert "|req: 2/2]" in line_of(server, "/blocks/list-of-one")


def test_uwsgi_counts_requests_of_the_worker_and_of_all(start, gate):
    server = start_logging(start, "uwsgi", workers=2)
    with server.connect() as connection:
        connection.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        for number in range(1, 4):
            assert f"|req: {number}/{number}]" in line_of(server, "/blocks/list-of-one")
        mark = server.out.mark()
        gate.open()
        connection.read_response()
    server.out.wait_for(r"\|req: 1/4\]", after=mark)


def test_uwsgi_numbers_of_the_response(start):
    server = start_logging(start, "uwsgi")
    line = line_of(server, "/blocks/generator")
    assert "generated 13 bytes" in line and "(3 switches on core 0)" in line
    line = line_of(server, "/sleeper/?ms=120")
    assert 120 <= int(re.search(r"in (\d+) msecs", line)[1]) < 60_000
    assert "(HTTP/1.1 500)" in line_of(server, "/raises/at-once")
    assert "(HTTP/1.0 200)" in line_of(server, "/blocks/list-of-one", version="1.0")


@pytest.fixture(scope="module")
def atoms(start_module):
    names = [
        *"hlurtmUqHsBbfaTDMLp",
        "worker",
        "thread",
        "arrived",
        "queue",
        "gil",
        "app",
        "write",
        "{x-asked}i",
        "{X-ANSWERED}o",
        "{missing}i",
        "{missing}o",
        "{QUERY_STRING}e",
        "{REMOTE_ADDR}e",
    ]
    log_format = "|".join(f"{name}=%({name})s" for name in names) + "|100%%"
    server = start_module(
        "router", "--pythonpath", BEHAVIOUR, "--access-logfile", "-", "--access-logformat", log_format
    )
    return server


def atoms_of(server, *arguments, **options) -> dict[str, str]:
    line = line_of(server, *arguments, **options)
    assert line.endswith("|100%")
    return dict(part.split("=", 1) for part in line.split("|")[:-1])


def test_atoms(atoms):
    target = "/respond/?headers=[[%22X-Answered%22,%22yes%22]]&body=12345"
    seen = atoms_of(atoms, target, headers=[("X-Asked", "why"), ("Referer", "ref"), ("User-Agent", "agent")])
    query = target.partition("?")[2]
    expected = {
        "h": "127.0.0.1",
        "l": "-",
        "u": "-",
        "r": f"GET {target} HTTP/1.1",
        "m": "GET",
        "U": "/respond/",
        "q": query,
        "H": "HTTP/1.1",
        "s": "200",
        "B": "5",
        "b": "5",
        "f": "ref",
        "a": "agent",
        "p": f"<{atoms.worker_pids()[0]}>",
        "worker": "1",
        "thread": "0",
        "{x-asked}i": "why",
        "{X-ANSWERED}o": "yes",
        "{missing}i": "-",
        "{missing}o": "-",
        "{QUERY_STRING}e": query,
        "{REMOTE_ADDR}e": "127.0.0.1",
    }
    assert {key: seen[key] for key in expected} == expected
    assert re.fullmatch(TIME, seen["t"])


def test_atoms_of_an_empty_response(atoms):
    seen = atoms_of(atoms, "/blocks/empty-list", "HEAD")
    assert (seen["B"], seen["b"], seen["q"], seen["m"]) == ("0", "-", "", "HEAD")


def test_times(atoms):
    seen = atoms_of(atoms, "/sleeper/?ms=150")
    microseconds = int(seen["D"])
    assert 150_000 <= microseconds < 60_000_000
    assert int(seen["T"]) == microseconds // 1_000_000
    assert abs(int(seen["M"]) - microseconds // 1000) <= 1
    assert abs(float(seen["L"]) - microseconds / 1e6) < 0.001
    assert 150_000 <= int(seen["app"]) <= microseconds
    assert min(int(seen["gil"]), int(seen["write"])) >= 0
    assert int(seen["app"]) + int(seen["gil"]) + int(seen["write"]) <= microseconds + 1000


def test_arrived_is_the_moment_by_the_wall_clock(atoms):
    """Of a request that takes long, so that the moment of its arrival differs from that of its answer."""
    before_us = time.time_ns() // 1000
    seen = atoms_of(atoms, "/sleeper/?ms=150")
    after_us = time.time_ns() // 1000
    assert before_us - 1000 <= int(seen["arrived"]) <= after_us - 150_000 + 1000


def test_queue_is_the_time_that_a_request_waited_for_a_worker(atoms, gate):
    """One worker, held at a gate; the request behind it waits about as long as the gate is closed."""
    with atoms.connect() as first, atoms.connect() as second:
        mark = atoms.out.mark()
        assert second.request("/blocks/list-of-one?warm").status == 200
        first.send(make_request(f"/gated/?gate={gate.path}"))
        gate.wait_reached()
        second.send(make_request("/blocks/list-of-one?waiting"))
        wait_read(second)
        assert second.is_silent(0.3)
        gate.open()
        assert second.read_response().body == b"one"
        line = atoms.out.wait_for(r"\?waiting ", after=mark)[0].string
    assert 250_000 <= int(re.search(r"\|queue=(\d+)\|", line)[1]) < 60_000_000


def test_bytes_of_a_client_cannot_break_a_line(atoms):
    seen = atoms_of(
        atoms, "/blocks/list-of-one?%0a%22", headers=[("X-Asked", 'a"b\\c\xff\ttab'), ("User-Agent", "u\xe9")]
    )
    assert seen["q"] == "%0a%22"
    assert "\xff" not in seen["{x-asked}i"] and "\t" not in seen["{x-asked}i"]
    assert '"' not in seen["{x-asked}i"].replace('\\"', "").replace("\\x22", "")


def test_a_long_line_is_cut_not_split(atoms):
    line = line_of(atoms, "/blocks/list-of-one?" + "z" * 7000)
    assert len(line) <= 4096 and line.startswith("h=127.0.0.1|")


@pytest.mark.parametrize("target, status", [("/raises/at-once", 500), ("/nothing", 404), ("/close/not-modified", 304)])
def test_every_status_is_logged(atoms, target, status):
    assert atoms_of(atoms, target)["s"] == str(status)


def test_an_aborted_response_is_logged(atoms):
    assert atoms_of(atoms, "/raises/mid")["s"] == "200"


def test_pipelined_requests_have_a_line_each(atoms):
    mark = atoms.out.mark()
    with atoms.connect() as connection:
        connection.send(b"".join(make_request(f"/blocks/list-of-one?number={number}") for number in range(10)))
        for _ in range(10):
            connection.read_response()
    lines = [match.string for match in atoms.out.wait_for(r"\?number=", after=mark, count=10)]
    assert [int(re.search(r"number=(\d+) ", line)[1]) for line in lines] == list(range(10))
