# SPDX-License-Identifier: MIT
"""The experiment that clutch comes from: 20 callers at once, 5 workers, a call that takes long. Four waves of five;
never a sixth at once, seen from inside the application."""

from __future__ import annotations

import re
import subprocess
import sys
import time

from support.server import PYAPPS, make_environment

CALLERS, WORKERS, SECONDS = 20, 5, 0.8

# Wraps app_main and notes when each call begins and ends, on the clock that all processes share.
TIMED = """
import os, sys, time
sys.path.insert(0, {folder!r})
import app_main
def note(kind):
    line = "%s %d %d\\n" % (kind, time.clock_gettime_ns(time.CLOCK_MONOTONIC), os.getpid())
    fd = os.open({record!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, line.encode())
    os.close(fd)
def application(environ, start_response):
    note("begin")
    try:
        return app_main.application(environ, start_response)
    finally:
        note("end")
"""


def run_client(url: str, *options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, PYAPPS / "client.py", "--url", url, *map(str, options)],
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def read_events(path) -> list[tuple[int, int, int]]:
    """(time, +1 or -1, pid) in order; an end before a begin at the same moment."""
    events = []
    for line in path.read_text().splitlines():
        kind, moment, pid = line.split()
        events.append((int(moment), 1 if kind == "begin" else -1, int(pid)))
    return sorted(events)


def test_experiment(start, tmp_path):
    record, app = tmp_path / "record", tmp_path / "timed.py"
    app.write_text(TIMED.format(folder=str(PYAPPS), record=str(record)))
    server = start(app, workers=WORKERS, environment={"CLUTCH_DEMO_SECONDS": str(SECONDS)})
    started = time.monotonic()
    result = run_client(server.url)
    total_s = time.monotonic() - started
    assert result.returncode == 0, result.stdout + result.stderr

    events = read_events(record)
    running, most, begun_by = 0, 0, {}
    for _, change, pid in events:
        running += change
        most = max(most, running)
        begun_by.setdefault(pid, 0)
        begun_by[pid] += change == 1
    assert most == WORKERS, "as many at once as there are workers: never more, and no worker idle while callers wait"
    assert begun_by == {pid: CALLERS // WORKERS for pid in server.worker_pids()}, "every worker has served its share"
    begins = [moment for moment, change, _ in events if change == 1]
    ends = [moment for moment, change, _ in events if change == -1]
    for wave in range(1, CALLERS // WORKERS):
        assert (
            begins[wave * WORKERS] >= ends[(wave - 1) * WORKERS]
        ), "a call of the next wave began before one had ended"
    assert CALLERS / WORKERS * SECONDS <= total_s < CALLERS / WORKERS * SECONDS * 3 + 10

    printed = server.out.wait_for(r"^Accept incoming request: Request_(\d+)$", count=CALLERS)
    assert sorted(int(match[1]) for match in printed) == list(range(CALLERS))
    check_report(result.stdout, server.worker_pids())


def check_report(text: str, pids: list[int]) -> None:
    """What client.py tells: every answer, the waves, who served what."""
    answers = re.findall(r"^ +(\d+\.\d+) s  Request_(\d+): 200 'true' by process (\d+)$", text, re.MULTILINE)
    assert len(answers) == CALLERS and {int(pid) for _, _, pid in answers} == set(pids)
    assert len(re.findall(r"^wave \d+: \d+ answers after \d+\.\d s$", text, re.MULTILINE)) >= 1
    for pid in pids:
        assert re.search(rf"^process {pid} served 4: Request_", text, re.MULTILINE)
    assert re.search(rf"^total: {CALLERS} of {CALLERS} calls answered in \d+\.\d s$", text, re.MULTILINE)


def test_client_reports_failures(start, tmp_path):
    """Exit status 1 when a call fails, by status or by connection."""
    app = tmp_path / "odd.py"
    app.write_text(
        "import os\n"
        "def application(environ, start_response):\n"
        "    good = environ['QUERY_STRING'] != 'param=Request_1'\n"
        "    start_response('200 OK' if good else '503 No', [])\n    return [b'x']\n"
    )
    server = start(app)
    result = run_client(server.url, "--callers", 3)
    assert result.returncode == 1
    assert "total: 2 of 3 calls answered" in result.stdout
    result = run_client("http://127.0.0.1:1", "--callers", 2)
    assert result.returncode == 1
    assert len(re.findall("failed: ConnectionRefusedError", result.stdout)) == 2


def test_app_main_takes_any_query(start):
    server = start(PYAPPS / "app_main.py", environment={"CLUTCH_DEMO_SECONDS": "0"})
    for query in ("", "?", "?param", "?param=", "?a=b=c&&=", "?param=%ff%0d%0aforged", "?x" * 50):
        assert server.request(f"/{query}").body == b"true"
    server.out.wait_for("^Accept incoming request: ", count=7)
    assert not server.out.find("^forged")
