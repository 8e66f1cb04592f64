# SPDX-License-Identifier: MIT
"""clutch top: in a terminal, and with --batch."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest

from support.client import make_request
from support.control import Control, Pretender, any_name
from support.server import BEHAVIOUR, find_binary, make_environment, run_clutch
from support.terminal import Terminal
from support.waiting import LIMIT_S, wait_until

ROUTER = ("router", "--pythonpath", BEHAVIOUR)
FAST = ("--interval", "50ms")
QUIT = "q quit"


@pytest.fixture
def control():
    return Control(any_name())


@pytest.fixture
def server(start, control):
    return start(*ROUTER, "--control-socket", control.address, workers=2)


def begin_request(server, gate):
    connection = server.connect()
    connection.send(make_request(f"/gated/?gate={gate.path}"))
    gate.wait_reached()
    return connection


# In a terminal.


def test_what_it_shows(server, control, gate):
    with Terminal("top", *FAST, control.address) as terminal:
        text = terminal.wait_for(lambda text: "REQ/S" in text and QUIT in text)
        assert text.startswith("clutch ")
        assert f"listening at {server.url}" in text and "no request is running" in text
        for number, pid in enumerate(server.worker_pids(), 1):
            assert re.search(rf"^ +{number} +{pid} ready ", text, re.MULTILINE)
        connection = begin_request(server, gate)
        terminal.wait_for(f"GET /gated/?gate={gate.path}"[:40])
        gate.open()
        assert connection.read_response().status == 200
        terminal.wait_for("no request is running")
        terminal.press("q")
        assert terminal.wait_exit() == (0, "")
        terminal.check_order()


def test_eighty_columns_hold_all_of_a_worker(server, control):
    with Terminal("top", *FAST, control.address, columns=80, lines=24) as terminal:
        lines = terminal.wait_for(lambda text: "REQ/S" in text and QUIT in text).split("\n")
        heading = next(index for index, line in enumerate(lines) if line.startswith("WORKER "))
        assert lines[heading].endswith(" PSS")
        for line in lines[heading + 1 : heading + 3]:
            assert re.search(r" [0-9.]+[KM] +[0-9.]+[KM]$", line), line


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, -15), (signal.SIGHUP, -1)])
def test_signals_leave_the_terminal_in_order(server, control, number, status):
    with Terminal("top", control.address, kind="xterm-256color") as terminal:
        terminal.wait_for(QUIT)
        terminal.process.send_signal(number)
        assert terminal.wait_exit() == (status, "")
        terminal.check_order()


def test_the_terminal_changes_its_size(server, control):
    with Terminal("top", "--interval", "1h", control.address) as terminal:
        terminal.wait_for(QUIT)
        for columns, lines in ((60, 12), (120, 50), (10, 1), (1, 3), (100, 30)):
            terminal.resize(columns, lines)
            wanted = "q quit, p pause, up and down select a worker, s its stacks"[:columns]
            terminal.wait_for(lambda text: text.split("\n")[-1] == wanted.rstrip())  # noqa: B023
        terminal.press("q")
        assert terminal.wait_exit() == (0, "")
        terminal.check_order()


def show_stacks(terminal, keys: str) -> str | None:
    """Returns what is shown; None when the worker did not answer within the second that it has."""
    terminal.press(keys)
    text = terminal.wait_for("q back")
    terminal.press("q")
    terminal.wait_for(QUIT)
    return None if "did not answer" in text else text


def test_stacks_of_the_selected_worker(server, control):
    with Terminal("top", "--interval", "1h", control.address) as terminal:
        terminal.wait_for(QUIT)
        for keys, number in (("s", 1), ("js", 2), ("\x1b[Bs", 2), ("ks", 1)):
            text = wait_until(lambda: show_stacks(terminal, keys), "the worker to answer")  # noqa: B023
            assert text.startswith(f"worker {number} (pid: {server.worker_pids()[number - 1]})")
            assert "no Python frame" in text
        terminal.press("q")
        assert terminal.wait_exit() == (0, "")


@pytest.mark.parametrize("keys", ["", "p"])
def test_the_terminal_goes_away(server, control, keys):
    """Nobody sends the signal HUP: it is not the terminal of this session."""
    with Terminal("top", "--interval", "1h", control.address) as terminal:
        terminal.wait_for(QUIT)
        terminal.press(keys)
        terminal.wait_for("paused" if keys else QUIT)
        terminal.hang_up()
        assert terminal.process.wait(LIMIT_S) == 0


def test_pause(server, control):
    with Terminal("top", *FAST, control.address) as terminal:
        terminal.wait_for(QUIT)
        terminal.press("p")
        terminal.wait_for("paused")
        terminal.press("p")
        terminal.wait_for(lambda text: "paused" not in text)
        terminal.press("Q")
        assert terminal.wait_exit() == (0, "")


def test_the_server_goes_and_comes_back(start, server, control):
    with Terminal("top", *FAST, control.address) as terminal:
        terminal.wait_for(QUIT)
        assert server.stop() == 0
        terminal.wait_for(f"nobody answers at {control.address}")
        second = start(*ROUTER, "--control-socket", control.address)
        terminal.wait_for(f", pid {second.pid}, ")
        terminal.wait_for(QUIT)
        terminal.press("q")
        assert terminal.wait_exit() == (0, "")
        terminal.check_order()


def test_a_new_server_is_named_as_such(start, server, control):
    with Terminal("top", "--interval", "1h", control.address) as terminal:
        terminal.wait_for(QUIT)
        assert server.stop() == 0
        start(*ROUTER, "--control-socket", control.address)
        terminal.press("pp")
        terminal.wait_for("the server has been started anew")
        terminal.press("q")
        assert terminal.wait_exit() == (0, "")


def test_hostile_strings():
    body = (b'{"server":{"version":"\\u001b[31m"},"workers":[{"number":1,"state":"\\u009bx","running":['
            b'{"target":"\\u001b]0;title\\u0007","client":"\\n"}]}]}')
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with Pretender(answer) as other, Terminal("top", *FAST, other.address) as terminal:
        terminal.wait_for(r"\x1b]0;title\x07")
        assert terminal.screen.title == ""
        terminal.press("q")
        assert terminal.wait_exit() == (0, "")
        assert b"\x1b]0;title" not in terminal.bytes


@pytest.mark.parametrize(("kind", "message"), [("dumb", "cannot move its cursor"), ("nonsense", "does not know")])
def test_terminals_that_are_not_up_to_it(server, control, kind, message):
    with Terminal("top", control.address, kind=kind) as terminal:
        status, error = terminal.wait_exit()
        assert status == 1
        assert message in error and "--batch" in error and terminal.bytes == b""


def test_no_terminal_and_no_server(server, control):
    result = control.run("top")
    assert (result.returncode, result.stdout) == (1, "")
    assert "needs a terminal" in result.stderr and "--batch" in result.stderr
    with Terminal("top", any_name()) as terminal:
        status, error = terminal.wait_exit()
        assert status == 1 and "nobody answers" in error and terminal.bytes == b""


# With --batch.


def test_batch(server, control):
    server.request("/blocks/list-of-one")
    result = control.run("top", "--batch", "--count", "2", *FAST)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("REQ/S") == 2 and result.stdout.count(f", pid {server.pid}, ") == 2
    assert result.stdout.isascii() and "\x1b" not in result.stdout


def test_rates_in_a_batch(server, control):
    command = [find_binary(), "top", "--batch", *FAST, control.address]
    with subprocess.Popen(command, env=make_environment(), stdout=subprocess.PIPE, text=True) as top:
        with server.connect() as connection:
            for line in top.stdout:
                assert connection.request("/blocks/list-of-one").status == 200
                if re.search(r"requests .*, [1-9][0-9.]*/s$", line):
                    break
        top.stdout.close()
        assert top.wait() in (1, -signal.SIGPIPE)


def test_a_batch_outlives_the_server(server, control):
    command = [find_binary(), "top", "--batch", *FAST, control.address]
    with subprocess.Popen(command, env=make_environment(), stdout=subprocess.PIPE, text=True) as top:
        assert top.stdout.readline().startswith("clutch ")
        assert server.stop() == 0
        wait_until(lambda: "nobody answers" in top.stdout.readline(), "word of the end")
        top.terminate()


def test_a_batch_without_a_server():
    result = run_clutch("top", "--batch", any_name())
    assert result.returncode == 1 and "nobody answers" in result.stderr
    for arguments in (("--interval", "1ms"), ("--count", "0"), ("--interval", "soon")):
        assert run_clutch("top", "--batch", *arguments, "@x").returncode == 2, arguments
