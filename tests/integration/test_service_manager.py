# SPDX-License-Identifier: MIT
"""What systemd passes to a service, and what it wants to be told: sockets, readiness, reloads, stops, signs of life."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from support import processes
from support.client import Connection, make_request
from support.manager import NotifySocket, prefix_of
from support.server import find_binary, make_environment
from support.waiting import wait_until

APPLICATION = """
import os
{before}
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/gated":
        open(environ["QUERY_STRING"]).read()
    return [" ".join(sorted(os.environ)).encode() if environ["PATH_INFO"] == "/environment" else b"{version}"]
"""

OURS = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}


@pytest.fixture
def write(write):
    write()
    return write


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """A notify socket: a file, or an abstract one."""
    made = NotifySocket(str(tmp_path / "notify") if request.param == "path" else f"@clutch-test-{os.getpid()}")
    yield made
    made.close()


@pytest.fixture
def plain_manager(tmp_path):
    made = NotifySocket(str(tmp_path / "notify"))
    yield made
    made.close()


@pytest.fixture
def listener(tmp_path):
    """A TCP socket that listens, inheritable, as a service manager's."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.set_inheritable(True)
        yield made


@pytest.fixture
def serve(start, write, tmp_path):
    servers = []

    def serve_application(*options, **keywords):
        servers.append(start("shop", "--pythonpath", tmp_path, *options, **{"workers": 2, **keywords}))
        return servers[-1]

    yield serve_application
    for server in servers:
        if server.master_pid != server.pid and server.status is None:
            server.descriptors_at_start.clear()
            os.kill(server.master_pid, signal.SIGTERM)
            assert server.wait_exit() == 0


def serve_passed(serve, sockets, *options, names: str = "", **keywords):
    """The server gets these sockets as systemd passes them."""
    keywords.setdefault("bind", ())
    numbers = [each.fileno() for each in sockets]
    return serve(*options, prefix=prefix_of(*numbers, names=names), pass_fds=numbers, **keywords)


def upgrade(server) -> None:
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    server.master_pid = int(server.wait_for_log(r"upgrade done after \d+ ms: master (\d+) serves", after=mark)[1])


# What is told.


def test_ready_and_stopping(serve, manager):
    server = serve(environment={"NOTIFY_SOCKET": manager.path})
    message = manager.wait_for("READY", "1")
    assert message["STATUS"] == "2 workers serve"
    assert not OURS & set(server.request("/environment").text.split())
    assert server.stop() == 0
    manager.wait_for("STOPPING", "1")
    assert [key for each in manager.read_all() for key in each if key != "STATUS"] == ["READY", "STOPPING"]


def test_not_ready_before_all_workers_are(serve, write, plain_manager, gate):
    write(before=f"os.read(os.open({gate.path!r}, os.O_RDONLY), 1)")
    server = serve(environment={"NOTIFY_SOCKET": plain_manager.path}, ready=False)
    gate.wait_reached()
    wait_until(lambda: processes.read_stat(server.pid)[0] == "S", "the master to wait for its workers")
    assert not plain_manager.messages
    fd = os.open(gate.path, os.O_RDWR | os.O_NONBLOCK)
    os.write(fd, b"\n" * 100)
    server.wait_ready()
    plain_manager.wait_for("READY", "1")
    os.close(fd)


def test_an_application_that_fails_is_never_ready(serve, write, plain_manager):
    write(before="raise ValueError")
    server = serve(environment={"NOTIFY_SOCKET": plain_manager.path}, ready=False)
    assert server.wait_exit() == 3
    assert not any("READY" in each for each in plain_manager.read_all())


@pytest.mark.parametrize("is_broken", [False, True], ids=["done", "failed"])
def test_a_reload(serve, write, plain_manager, is_broken):
    """As systemd's Type=notify-reload wants it: RELOADING=1 with the time, younger than the order; then READY=1, also
    after a failure."""
    server = serve(environment={"NOTIFY_SOCKET": plain_manager.path})
    plain_manager.wait_for("READY", "1")
    write("second", before="raise ValueError" if is_broken else "")
    for count in (1, 2):
        ordered_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        server.send_signal(signal.SIGHUP)
        assert int(plain_manager.wait_for("RELOADING", "1", count=count)["MONOTONIC_USEC"]) >= ordered_us
        message = plain_manager.wait_for("READY", "1", count=count + 1)
        assert ("reload failed: " in message["STATUS"]) == is_broken, message
    keys = [key for each in plain_manager.messages for key in each if key in ("READY", "RELOADING")]
    assert keys == ["READY", "RELOADING", "READY", "RELOADING", "READY"]


def test_signs_of_life(serve, plain_manager):
    began_s = time.monotonic()
    server = serve(environment={"NOTIFY_SOCKET": plain_manager.path, "WATCHDOG_USEC": "200000"})
    plain_manager.wait_for("WATCHDOG", "1", count=20)
    assert time.monotonic() - began_s > 1.8, "not more often than needed"
    mark = plain_manager.mark()
    upgrade(server)
    plain_manager.wait_for("MAINPID", after=mark)
    plain_manager.wait_for("WATCHDOG", "1", after=plain_manager.mark(), count=3)


def test_no_sign_of_life_for_another_process(serve, plain_manager):
    server = serve(environment={"NOTIFY_SOCKET": plain_manager.path, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
    plain_manager.wait_for("READY", "1")
    assert server.stop() == 0
    assert not any("WATCHDOG" in each for each in plain_manager.read_all())


def test_another_main_process_after_an_upgrade(serve, plain_manager, write):
    server = serve(environment={"NOTIFY_SOCKET": plain_manager.path})
    plain_manager.wait_for("READY", "1")
    upgrade(server)
    assert plain_manager.wait_for("MAINPID")["MAINPID"] == str(server.master_pid)
    plain_manager.wait_for("READY", "1", count=2)
    assert server.process.wait(60) == 0
    assert not any("STOPPING" in each for each in plain_manager.messages), "the service goes on"
    write("broken", before="raise ValueError")
    server.send_signal(signal.SIGUSR2)
    server.wait_for_log("rolled back")
    wait_until(lambda: plain_manager.has_status("has ended with status 3"), "the reason")
    os.kill(server.master_pid, signal.SIGTERM)
    plain_manager.wait_for("STOPPING", "1")
    assert server.wait_exit() == 0


@pytest.mark.parametrize("path", ["nowhere", "/nonexistent/socket", "/" + 200 * "x", "/no\n[critical] socket\x1b[2J"])
def test_a_manager_that_is_not_there(serve, path):
    server = serve(environment={"NOTIFY_SOCKET": path})
    server.wait_for_log("the service manager cannot be told how the server is, at NOTIFY_SOCKET=")
    assert server.request("/").text == "first"
    assert all(re.match(r"\[20\d\d-[^\x1b]+$", line) for line in server.log.lines)


def test_a_status_is_one_line(serve, plain_manager, tmp_path, monkeypatch):
    """More lines would be orders to the manager."""
    program = tmp_path / "a\nMAINPID=1" / "clutch"
    program.parent.mkdir()
    shutil.copy2(find_binary(), program)
    monkeypatch.setenv("CLUTCH_BINARY", str(program))
    server = serve(environment={"NOTIFY_SOCKET": plain_manager.path})
    plain_manager.wait_for("READY", "1")
    mark = plain_manager.mark()
    program.unlink()
    server.send_signal(signal.SIGUSR2)
    assert "MAINPID=1/clutch" in plain_manager.wait_for("STATUS", after=mark)["STATUS"]
    assert not any("MAINPID" in message for message in plain_manager.messages)


@pytest.fixture
def busy_manager(tmp_path):
    """A manager that does not read yet."""
    made = NotifySocket(str(tmp_path / "notify"), reads=False)
    yield made
    made.close()


def test_a_manager_without_room_is_told_later(serve, busy_manager):
    """One that waits in vain for the news would end the server. After a reload the master has long tried to tell."""
    busy_manager.fill()
    server = serve(environment={"NOTIFY_SOCKET": busy_manager.path})
    server.send_signal(signal.SIGHUP)
    server.wait_for_log("reload done")
    busy_manager.read()
    assert busy_manager.wait_for("READY", "1")["STATUS"] == "2 workers serve"
    busy_manager.wait_for("RELOADING", "1")
    busy_manager.wait_for("READY", "1", count=2)


def test_a_manager_without_room_is_told_of_another_main_process(serve, busy_manager, gate):
    server = serve(environment={"NOTIFY_SOCKET": busy_manager.path})
    with server.connect() as connection:
        connection.send(make_request(f"/gated?{gate.path}"))
        gate.wait_reached()
        busy_manager.fill()
        upgrade(server)
        busy_manager.read()
        busy_manager.wait_for("MAINPID", str(server.master_pid))
        gate.open()
        assert connection.read_response().text == "first"


# Sockets that are passed.


def test_a_passed_socket_is_served(serve, listener):
    server = serve_passed(serve, [listener], names="shop")
    address = listener.getsockname()
    server.wait_for_log(rf"listening at http://127.0.0.1:{address[1]} \(passed by the service manager: shop\)")
    assert not server.log_contains("--bind is not used")
    with Connection(socket.AF_INET, address) as connection:
        assert connection.request("/").text == "first"
        assert not OURS & set(connection.request("/environment").text.split())
    assert not os.get_blocking(listener.fileno())


def test_it_still_listens_when_the_server_has_stopped(serve, listener):
    """Clients wait until the service manager has started another server."""
    server = serve_passed(serve, [listener])
    assert server.stop() == 0
    with socket.create_connection(listener.getsockname()):
        listener.setblocking(True)
        listener.settimeout(60)
        listener.accept()[0].close()


def test_bind_is_not_used_then(serve, listener):
    server = serve_passed(serve, [listener], bind=["127.0.0.1:0"])
    server.wait_for_log("--bind is not used: the service manager has passed what to listen at")
    assert server.port == listener.getsockname()[1]


def test_a_unix_socket_stays(serve, tmp_path):
    path = tmp_path / "passed.sock"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        made.listen()
        made.set_inheritable(True)
        server = serve_passed(serve, [made])
        assert server.request("/").text == "first"
        assert server.stop() == 0
        assert path.exists()


def test_several_and_over_an_upgrade(serve, listener, write):
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.set_inheritable(True)
        server = serve_passed(serve, [listener, other])
        write("second")
        upgrade(server)
        for each in (listener, other):
            wait_until(lambda: _ask(each) == "second", "the new code")  # noqa: B023
        assert server.process.wait(60) == 0
        os.kill(server.master_pid, signal.SIGTERM)
        assert server.wait_exit() == 0
        for each in (listener, other):
            socket.create_connection(each.getsockname()).close()


def test_one_that_is_called_metrics_is_for_those(serve, listener):
    """Also when --metrics-bind names another; and the next master has it for that, too."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.set_inheritable(True)
        server = serve_passed(serve, [other, listener], "--metrics-bind", "127.0.0.1:0", names="metrics:http")
        port = other.getsockname()[1]
        server.wait_for_log(rf"metrics and health at http://127.0.0.1:{port} \(passed by the service manager: metrics\)")
        server.wait_for_log("--metrics-bind is not used: the service manager has passed what to listen at")
        for _ in range(2):
            assert _ask(listener) == "first"
            wait_until(lambda: _ask(other, "/readyz") == "ready\n", "the monitor")
            before = server.master_pid
            upgrade(server)
            processes.wait_gone([before], "the master before, and its monitor,")
        assert server.process.wait(60) == 0
        os.kill(server.master_pid, signal.SIGTERM)
        assert server.wait_exit() == 0
        for each in (listener, other):
            socket.create_connection(each.getsockname()).close()


def test_one_for_metrics_alone_leaves_the_rest_to_bind(serve, listener):
    server = serve_passed(serve, [listener], names="metrics", bind=["127.0.0.1:0"])
    assert server.request("/").text == "first"
    wait_until(lambda: _ask(listener, "/readyz") == "ready\n", "the monitor")
    assert not server.log_contains("is not used")


def _ask(listener, path: str = "/") -> str:
    with Connection(socket.AF_INET, listener.getsockname()) as connection:
        return connection.request(path).text


def _make(kind: str, stack: contextlib.ExitStack):
    if kind == "datagram":
        made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        made.bind(("127.0.0.1", 0))
    elif kind == "silent":
        made = stack.enter_context(socket.socket(socket.AF_INET))
        made.bind(("127.0.0.1", 0))
    elif kind == "netlink":
        made = stack.enter_context(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
    else:
        made = stack.enter_context(open(os.devnull))  # noqa: SIM115
    os.set_inheritable(made.fileno(), True)
    return made


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("datagram", "it is no stream socket"),
        ("silent", "it does not listen"),
        ("netlink", "it is a socket of another kind"),
        ("file", "it is no socket"),
    ],
)
def test_what_cannot_be_listened_at_is_refused(tmp_path, write, kind, expected):
    with contextlib.ExitStack() as stack:
        made = _make(kind, stack)
        result = subprocess.run(
            [*prefix_of(made.fileno()), find_binary(), "--pythonpath", str(tmp_path), "shop"],
            env=make_environment(),
            capture_output=True,
            text=True,
            pass_fds=[made.fileno()],
            check=False,
            timeout=60,
        )
    assert result.returncode == 1 and f"the passed descriptor 3 cannot be listened at: {expected}" in result.stderr


@pytest.mark.parametrize("count", ["-1", "", "3x", "65537", "1000000000", "99999999999999999999"])
def test_a_number_of_sockets_that_cannot_be(tmp_path, write, count):
    result = subprocess.run(
        ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", find_binary(), "--pythonpath", str(tmp_path), "shop"],
        env={**make_environment(), "LISTEN_FDS": count},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1 and "LISTEN_FDS means nothing: expected the number of sockets" in result.stderr


@pytest.mark.parametrize(("pid", "count"), [("1", "1"), (None, "1")])
def test_sockets_for_another_process_are_none(serve, pid, count):
    environment = {"LISTEN_FDS": count, **({"LISTEN_PID": pid} if pid else {})}
    server = serve(environment=environment)
    assert server.request("/").text == "first"
    assert not OURS & set(server.request("/environment").text.split())


def test_idle_with_a_watchdog_is_cheap(serve, plain_manager):
    """One wake-up for each sign of life."""
    server = serve(environment={"NOTIFY_SOCKET": plain_manager.path, "WATCHDOG_USEC": "100000"})
    plain_manager.wait_for("WATCHDOG", "1", count=3)
    before, mark = processes.cpu_seconds(server.pid), plain_manager.mark()
    plain_manager.wait_for("WATCHDOG", "1", after=mark, count=20)
    assert processes.cpu_seconds(server.pid) - before < 0.2
