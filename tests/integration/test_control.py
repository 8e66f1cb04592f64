# SPDX-License-Identifier: MIT
"""The control socket, and the commands that ask there; clutch stacks: test_control_stacks.py."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat

import pytest

from support.client import make_request
from support.control import Control, Pretender, any_name, begin_stuck
from support.monitor import ANY_PORT, SPAWNED, Monitor
from support.server import BEHAVIOUR, TREE, run_clutch
from support.users import only_root
from support.waiting import Gate, wait_until

ROUTER = ("router", "--pythonpath", BEHAVIOUR)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def control():
    return Control(any_name())


@pytest.fixture
def server(start, control):
    return start(*ROUTER, "--control-socket", control.address, workers=2)


def begin_request(server, gate, query=""):
    connection = server.connect()
    connection.send(make_request(f"/gated/?gate={gate.path}{query}"))
    gate.wait_reached()
    return connection


def wait_counted(control, count: int) -> None:
    """A request is counted after its answer has been sent: its duration last."""
    wait_until(lambda: sum(control.status()["times"]["duration"]["counts"]) == count, "the requests to be counted")


# Status.


def test_status_for_people(server, control):
    for _ in range(3):
        server.request("/blocks/list-of-one")
    wait_counted(control, 3)
    result = control.run("status")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert f", pid {server.pid}, up " in lines[0] and lines[0].endswith("generation 1")
    assert lines[1] == f"listening at {server.url}"
    assert lines[2] == "requests    3 finished, 0 running, 0 queued"
    assert lines[3] == "responses   3 2xx"
    assert re.match(r"connections \d+ accepted\b", lines[5])
    assert "no request is running" in lines
    for number, pid in enumerate(server.worker_pids(), 1):
        assert re.search(rf"^ +{number} +{pid} ready +1 ", result.stdout, re.MULTILINE)


def test_status_for_programs(server, control):
    server.request("/blocks/list-of-one")
    wait_counted(control, 1)
    status = control.status()
    assert status["schema"] == 1
    assert status["server"]["pid"] == server.pid
    assert status["server"]["generation"] == 1
    assert status["server"]["has_started"] is True and status["server"]["is_stopping"] is False
    assert [listener["address"] for listener in status["server"]["listeners"]] == [server.url]
    assert status["requests"]["finished"] == 1 and status["requests"]["by_class"]["2xx"] == 1
    for time in ("queue", "gil_wait", "app", "write", "duration"):
        assert sum(status["times"][time]["counts"]) == 1
        assert len(status["times"][time]["counts"]) == len(status["bounds_us"]) + 1
        assert isinstance(status["times"][time]["p99_us"], int)
    assert [worker["pid"] for worker in status["workers"]] == server.worker_pids()
    for worker in status["workers"]:
        assert worker["state"] == "ready" and worker["running"] == []
        assert (worker["threads_busy"], worker["threads_idle"]) == (0, 1)
        assert worker["rss_bytes"] > 1_000_000


def members_of(value) -> set[str]:
    """The names of all members, however deep, but those that are the server's labels."""
    names = set()
    if isinstance(value, dict):
        names.update(value)
        names.update(*(members_of(member) for name, member in value.items() if name not in ("refusals", "worker_ends")))
    elif isinstance(value, list):
        names.update(*map(members_of, value))
    return names


def test_every_member_is_documented(server, control, gate):
    begin_request(server, gate)
    names = members_of(control.status())
    names |= members_of(control.get("/stacks").json()) | members_of(control.get("/reload").json())
    assert {"age_us", "p99_us", "load_permille", "is_answered", "is_failed"} <= names
    page = (TREE / "csrc" / "CONTROL.md").read_text(encoding="utf-8")
    named_by_range = {"2xx", "3xx", "4xx"}
    assert [name for name in sorted(names - named_by_range) if f"`{name}`" not in page] == []
    gate.open()


def test_workers_without_requests_have_no_load(start, control):
    """Not what their time between ready and serving was taken for, which nothing would correct before the first request."""
    start(*ROUTER, "--control-socket", control.address, workers=4)
    assert control.run("reload", "--wait").returncode == 0
    wait_until(lambda: [worker["load_permille"] for worker in control.status()["workers"]] == [0] * 4, "no load")


def test_load_ends_with_the_requests(start, control, tmp_path):
    """Also where the sentry had the loop: nothing looks at an idle worker again. Several times, since it takes some luck."""
    server = start(*ROUTER, "--control-socket", control.address)

    def loads():
        return [worker["load_permille"] for worker in control.status()["workers"]]

    for turn in range(10):
        gate = Gate(tmp_path, f"gate-{turn}")
        connection = begin_request(server, gate)
        wait_until(lambda: loads() == [1000], "full load")
        gate.open()
        assert connection.read_response().status == 200
        gate.release()
        wait_until(lambda: loads() == [0], "no load")


def test_a_running_request(server, control, gate):
    connection = begin_request(server, gate, "&x='%1b[31m")
    (worker,) = [worker for worker in control.status()["workers"] if worker["running"]]
    (request,) = worker["running"]
    assert (worker["threads_busy"], worker["threads_idle"]) == (1, 0)
    assert (request["phase"], request["thread"], request["method"]) == ("app", 1, "GET")
    assert request["target"] == f"/gated/?gate={gate.path}&x='%1b[31m"
    assert request["client"] == connection.local_address
    assert request["age_us"] > 0
    lines = control.run("status").stdout.splitlines()
    assert lines[-1].split()[1:] == ["app", str(worker["number"]), "1", connection.local_address, "GET",
                                     request["target"]]
    gate.open()
    assert connection.read_response().status == 200
    wait_until(lambda: control.status()["requests"]["running"] == 0, "the end of the request")


def test_what_was_refused(server, control):
    assert b" 400 " in server.exchange(b"GET / HTTP/1.1\r\n\r\n")
    assert control.status()["refusals"] == {"host_missing": 1}
    assert "refused     1 host_missing" in control.run("status").stdout


def test_stuck_and_stopped_workers(start, control):
    server = start("stuck", "--pythonpath", BEHAVIOUR, "--graceful-timeout", "100ms", "--control-socket",
                   control.address)
    begin_stuck(server, "add")
    os.kill(server.worker_pids()[0], signal.SIGSTOP)
    (worker,) = control.status()["workers"]
    assert worker["running"][0]["target"] == "/add"
    os.kill(server.worker_pids()[0], signal.SIGCONT)


# Who may ask, and where.


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_others_are_refused(server, control):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setuid(65534)
            with control.connect() as connection:
                with contextlib.suppress(BrokenPipeError):  # it has answered and hung up already
                    connection.send(make_request("/reload", "POST", body=b""))
                os.write(writer, connection.read_to_end())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    assert text.startswith(b"HTTP/1.1 403 Forbidden\r\n") and text.endswith(b"you are 65534\n")
    server.wait_for_log(rf"the control socket has refused process {child} of user 65534: it is for user 0 and root")
    assert control.get("/reload").json()["asked"] == 0


def test_a_file(start, tmp_path):
    for spelling in (str(tmp_path / "a.sock"), f"unix:{tmp_path / 'b.sock'}"):
        path = spelling.removeprefix("unix:")
        server = start(*ROUTER, "--control-socket", spelling, "--umask", "0", "--chmod-socket", "777")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert Control(path).status()["server"]["pid"] == server.pid
        assert Control(spelling).status()["server"]["pid"] == server.pid
        assert server.stop() == 0
        assert not os.path.exists(path)


def test_each_socket_has_paths_of_its_own(start, control):
    server = start(*ROUTER, *ANY_PORT, "--control-socket", control.address)
    monitor = Monitor(server)
    for target in ("/metrics", "/livez", "/readyz", "/startupz"):
        assert (monitor.status(target), control.get(target).status) == (200, 404), target
    for target in ("/status", "/stacks", "/reload"):
        assert (monitor.status(target), control.get(target).status) == (404, 200), target
    assert control.get("/status", method="POST").status == 405
    assert control.get("/reload", method="DELETE").header("Allow") == "GET, HEAD, POST"


def test_it_comes_back(server, control):
    pid, mark = int(server.wait_for_log(SPAWNED)[1]), server.log.mark()
    os.kill(pid, signal.SIGKILL)
    server.wait_for_log(SPAWNED, after=mark)
    assert control.status()["server"]["pid"] == server.pid


def test_without_the_option_there_is_none(start):
    assert not start(*ROUTER).log_contains("monitor|control")


@only_root
def test_in_the_sandbox_as_another_user(start_as_nobody, control):
    server = start_as_nobody("--sandbox", "best-effort", "--control-socket", control.address)
    control.ask_for_stacks()
    assert control.run("reload", "--wait").returncode == 0
    server.wait_for_log("reload done")


@pytest.mark.parametrize("address", ["127.0.0.1:80", "@", "unix:", "x" * 108])
def test_mistakes_in_the_address(address):
    result = run_clutch("--pythonpath", BEHAVIOUR, "--control-socket", address, "router")
    assert result.returncode == 2
    assert "--control-socket: cannot listen at" in result.stderr and "expected" in result.stderr
    result = run_clutch("status", address)
    assert result.returncode == 1
    assert "is no control socket: expected" in result.stderr


def test_an_address_that_is_taken(start, server, control):
    second = start(*ROUTER, "--control-socket", control.address, ready=False)
    assert second.wait_exit() == 1
    assert second.log_contains(rf"cannot listen at '{control.address}': another process listens there")


# Where the commands look.


def test_where_the_address_comes_from(server, control, tmp_path):
    environment = {"CLUTCH_CONTROL_SOCKET": control.address}
    assert run_clutch("status", environment=environment).returncode == 0
    file = tmp_path / "clutch.ini"
    file.write_text(f"[clutch]\ncontrol-socket = {control.address}\n")
    for arguments in (("-c", file), ("--config", file), (f"--config={file}",)):
        assert run_clutch("status", *arguments).returncode == 0, arguments
    assert run_clutch("status", environment={"CLUTCH_CONFIG": str(file)}).returncode == 0
    environment["CLUTCH_CONTROL_SOCKET"] = any_name()
    assert run_clutch("status", control.address, environment=environment).returncode == 0
    file.write_text("[clutch]\nworkers = 1\n")
    result = run_clutch("status", "-c", file)
    assert (result.returncode, "has no control-socket" in result.stderr) == (2, True)
    result = run_clutch("status")
    assert (result.returncode, "which server?" in result.stderr) == (2, True)


@pytest.mark.parametrize("command", ["status", "top", "stacks", "reload"])
def test_the_command_line(command):
    result = run_clutch(command, "--help")
    assert result.returncode == 0 and result.stdout.startswith(f"Usage: clutch {command} ")
    for arguments in (["--nonsense"], ["@a", "@b"], ["-x"], ["--timeout"], ["--timeout", "soon"], ["-c"]):
        if command == "top" and arguments[0] == "--timeout":
            continue
        result = run_clutch(command, *arguments)
        assert result.returncode == 2, arguments
        assert result.stderr.startswith("clutch: ") and f"Try 'clutch {command} --help'." in result.stderr


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "hung up without an answer"),
        (b"HTTP/1.1 200", "in the middle"),
        (GOOD % 50 + b'{"schema":', "in the middle"),
        (GOOD % 10 + b'{"schema":', "not understood"),
        (GOOD % 3 + b"abc", "not understood"),
        (b"SSH-2.0-x\r\n\r\n", "not understood"),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nno\x1b[31m!\n", r"refuses: no\x1b[31m! (403)"),
    ],
)
@pytest.mark.parametrize("command", ["status", "stacks", "reload"])
def test_servers_that_are_none(command, answer, message):
    with Pretender(answer) as other:
        result = run_clutch(command, other.address)
        assert (result.returncode, result.stdout) == (1, "")
        assert message in result.stderr and other.address in result.stderr


def test_a_server_that_is_silent():
    with Pretender(None) as other:
        result = run_clutch("status", "--timeout", "100ms", other.address)
        assert (result.returncode, result.stderr) == (1, f"clutch: the server at {other.address} does not answer\n")


def test_nobody_is_there(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for address, message in ((any_name(), "nobody answers"), (str(tmp_path / "none"), "nobody answers"),
                             (str(file), "nobody answers")):
        result = run_clutch("status", address)
        assert result.returncode == 1 and message in result.stderr and "--control-socket" in result.stderr


def test_hostile_strings_stay_text():
    body = (b'{"server":{"version":"\\u001b[31m","python":"\\u00ff\\n\\r"},"workers":[{"state":"\\u0000\\u009b",'
            b'"running":[{"target":"\\u001b]0;x\\u0007","client":"\\n\\nworker"}]}]}')
    with Pretender(GOOD % len(body) + body) as other:
        result = run_clutch("status", other.address)
    assert result.returncode == 0
    assert all(character == "\n" or " " <= character <= "~" for character in result.stdout)
    assert r"\x1b]0;x\x07" in result.stdout and r"\x0a\x0aworker" in result.stdout


@pytest.mark.parametrize("command", ["status", "stacks"])
def test_json_of_another_program_is_not_for_the_terminal(command):
    with Pretender(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"a":"\x1b[2J"') as other:
        result = run_clutch(command, "--json", other.address)
    assert (result.returncode, result.stdout) == (1, "")
    assert "is none of clutch" in result.stderr
