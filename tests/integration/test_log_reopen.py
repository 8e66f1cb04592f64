# SPDX-License-Identifier: MIT
"""SIGUSR1: the logs are opened again, for logrotate. No line is lost or cut, whoever the workers run as."""

from __future__ import annotations

import os
import pathlib
import re
import signal

import pytest

from support import processes
from support.load import Load
from support.server import BEHAVIOUR, SPAWNED
from support.users import copy_library, only_root, public_folder
from support.waiting import wait_until

LINE = re.compile(r'127\.0\.0\.1 - - \[[^]]+\] "GET /blocks/list-of-one HTTP/1\.1" 200 3 "-" "[^"]*"')
OPENED = "SIGUSR1: opened again"


def start_router(start, *options, **keywords):
    return start("router", "--pythonpath", BEHAVIOUR, *options, **keywords)


def rotate(path, number: int):
    """Renames a log, as logrotate does; returns its new path."""
    old = path.with_name(f"{path.name}.{number}")
    path.rename(old)
    return old


def have_let_go(server, path) -> bool:
    """Whether no process of the server has this file open."""
    return not any(processes.open_descriptors(pid)[str(path)] for pid in processes.session_members(server.pid))


def has_lines(path) -> bool:
    """Whether some fifty requests have been written of."""
    return path.exists() and path.stat().st_size > 5000


MODES = pytest.mark.parametrize(
    "mode",
    [[], ["--threads", "3"], ["--preload"], ["--sandbox", "best-effort"], ["--metrics-bind", "127.0.0.1:0"]],
    ids=["alone", "threads", "preload", "sandbox", "monitor"],
)


@MODES
def test_no_line_is_lost_under_load(start, tmp_path, mode):
    log = tmp_path / "access.log"
    server = start_router(start, "--access-logfile", log, *mode, workers=2)
    files = []
    with Load(server.port, target="/blocks/list-of-one") as load:
        wait_until(lambda: has_lines(log), "requests")
        for number in range(3):
            mark = server.log.mark()
            files.append(rotate(log, number))
            server.send_signal(signal.SIGUSR1)
            server.wait_for_log(re.escape(f"{OPENED}: {log}"), after=mark)
            wait_until(lambda: have_let_go(server, files[-1]), "everybody to let go of the old file")
            wait_until(lambda: has_lines(log), "requests in the new file")
    assert server.stop() == 0
    files.append(log)
    texts = [path.read_text() for path in files]
    assert [text[-200:] for text in texts if not text.endswith("\n")] == []
    lines = [line for text in texts for line in text.splitlines()]
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert len(lines) == load.total and not load.errors


@MODES
def test_both_logs(start, tmp_path, mode):
    """A traceback of a worker's, and the line of its request, are in the new files; a new worker writes there too."""
    error, access = tmp_path / "error.log", tmp_path / "access.log"
    options = ("--error-logfile", error, "--access-logfile", access, *mode)
    server = start_router(start, *options, bind=[f"unix:{tmp_path}/s"], ready=False)
    wait_until(lambda: error.exists() and "ready: 1 worker" in error.read_text(), "the server to be ready")
    server.known_addresses = [(1, f"{tmp_path}/s")]
    old = [rotate(error, 1), rotate(access, 1)]
    server.send_signal(signal.SIGUSR1)
    wait_until(lambda: error.exists() and OPENED in error.read_text(), "the new error log")
    wait_until(lambda: all(have_let_go(server, path) for path in old), "everybody to let go of the old files")
    before = [path.read_text() for path in old]
    assert server.request("/raises/first-next").status == 500
    wait_until(lambda: "/raises/first-next" in access.read_text(), "the line of the request")
    assert "Traceback" in error.read_text()
    pid = int(SPAWNED.search(before[0])["pid"])
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: SPAWNED.search(error.read_text()), "the successor")
    assert server.request("/blocks/list-of-one").status == 200
    wait_until(lambda: '"GET /blocks/list-of-one HTTP/1.1" 200' in access.read_text(), "the line of the next")
    assert server.stop() == 0
    assert [path.read_text() for path in old] == before
    assert server.log.text == ""


def ask_gated(connection, gate) -> None:
    """Has a request run until the gate is opened."""
    connection.send(f"GET /gated/?gate={gate.path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    gate.wait_reached()


def rotate_under_it(server, log, connection, gate) -> pathlib.Path:
    """Has the log opened anew while the request runs; its line is in the new file. Returns the old one."""
    old = rotate(log, 1)
    server.send_signal(signal.SIGUSR1)
    wait_until(lambda: have_let_go(server, old), "everybody to let go of the old file")
    gate.open()
    assert connection.read_response().status == 200
    wait_until(lambda: "/gated/" in log.read_text(), "the line")
    return old


def test_while_a_request_runs_and_no_app_thread_is_free(start, gate, tmp_path):
    log = tmp_path / "access.log"
    server = start_router(start, "--access-logfile", log)
    with server.connect() as connection:
        ask_gated(connection, gate)
        old = rotate_under_it(server, log, connection, gate)
    assert server.stop() == 0
    assert old.read_text() == ""


@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["alone", "preload"])
@pytest.mark.parametrize("end", ["reload", "stop", "signal"])
def test_while_a_worker_ends(start, gate, tmp_path, end, preload):
    """One of an old generation, one of a server that stops, and one that was sent a signal go on in the new file."""
    log = tmp_path / "access.log"
    server = start_router(start, "--access-logfile", log, *preload)
    with server.connect() as connection:
        ask_gated(connection, gate)
        if end == "signal":
            server.kill_worker(number=signal.SIGTERM)
        else:
            server.send_signal(signal.SIGHUP if end == "reload" else signal.SIGTERM)
            server.wait_for_log("1 of generation 1 finishes what" if end == "reload" else "stopping")
        old = rotate_under_it(server, log, connection, gate)
    assert (server.wait_exit() if end == "stop" else server.stop()) == 0
    assert old.read_text() == ""


def test_a_file_that_cannot_be_opened(start, tmp_path):
    """Its folder is gone: the lines go on to the old file."""
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "access.log"
    server = start_router(start, "--access-logfile", log)
    folder.rename(tmp_path / "moved")
    server.send_signal(signal.SIGUSR1)
    server.wait_for_log(
        re.escape(f"--access-logfile {log}: the file cannot be opened again: No such file or directory; its lines go on")
    )
    assert server.request("/blocks/list-of-one").status == 200
    wait_until(lambda: "GET /blocks" in (tmp_path / "moved" / "access.log").read_text(), "the line")
    assert server.stop() == 0


def test_a_fifo_without_a_reader_holds_nobody_up(start, tmp_path):
    log = tmp_path / "access.log"
    server = start_router(start, "--access-logfile", log)
    rotate(log, 1)
    os.mkfifo(log)
    server.send_signal(signal.SIGUSR1)
    server.wait_for_log(r"cannot be opened again: No such device or address")
    assert server.request("/blocks/list-of-one").status == 200
    assert server.stop() == 0


def test_what_is_no_regular_file_any_more(start, tmp_path):
    log = tmp_path / "access.log"
    server = start_router(start, "--access-logfile", log)
    rotate(log, 1)
    log.symlink_to("/dev/null")
    server.send_signal(signal.SIGUSR1)
    server.wait_for_log("is no regular file any more; its lines go on to where they went before")
    assert server.request("/blocks/list-of-one").status == 200
    assert server.stop() == 0
    assert "GET /blocks" in (tmp_path / "access.log.1").read_text()


def test_logs_that_are_no_files(start):
    server = start_router(start, "--access-logfile", "-")
    server.send_signal(signal.SIGUSR1)
    server.wait_for_log("SIGUSR1: no log is a file that could be opened again")
    assert server.request("/blocks/list-of-one").status == 200


@only_root
def test_as_another_user_in_a_folder_of_root(start):
    """The workers may not open the file, and need not."""
    with public_folder() as public:
        folder = public / "logs"
        folder.mkdir(mode=0o700)
        log = folder / "access.log"
        library = copy_library(public)
        application = public / "plain.py"
        application.write_text("def application(environ, start):\n    start('200 OK', [])\n    return [b'one']\n")
        application.chmod(0o644)
        options = ("--access-logfile", log, "--user", "65534", "--group", "65534")
        server = start(application, *options, cwd=public, environment={"PYTHONHOME": str(library)})
        old = rotate(log, 1)
        server.send_signal(signal.SIGUSR1)
        wait_until(lambda: have_let_go(server, old), "everybody to let go of the old file")
        assert server.request("/seen").status == 200
        wait_until(lambda: '"GET /seen' in log.read_text(), "the line")
        assert server.stop() == 0 and old.read_text() == ""
