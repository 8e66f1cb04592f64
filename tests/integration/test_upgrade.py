# SPDX-License-Identifier: MIT
"""SIGUSR2: the program is started anew beside the old master and takes its place when it is ready; nobody's request is
lost; and when it does not become ready, the old one serves on."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from support import processes
from support.client import Connection, make_request
from support.load import Load
from support.server import SPAWNED, find_binary, run_clutch
from support.users import only_root, public_folder
from support.waiting import wait_until

APPLICATION = """
import os, sys
VERSION = {version!r}
{before}
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Pid", str(os.getpid()))])
    if environ["PATH_INFO"] == "/gated":
        open(environ["QUERY_STRING"]).read()
    if environ["PATH_INFO"] == "/environment":
        return [repr(dict(os.environ)).encode()]
    if environ["PATH_INFO"] == "/where":
        umask = open("/proc/self/status").read().partition("Umask:\\t")[2][:4]
        return [f"{{os.getcwd()}} {{umask}}".encode()]
    return [VERSION.encode()]
"""

WAITS = "os.read(os.open({path!r}, os.O_RDONLY), 1)"

MODES = pytest.mark.parametrize("options", [[], ["--preload"]], ids=["lazy", "preload"])
DONE = r"upgrade done after \d+ ms: master (?P<pid>\d+) serves"
ROLLED_BACK = r"upgrade failed and rolled back: (?P<why>.*); master (?P<pid>\d+) serves on"


@pytest.fixture
def serve(start, write, tmp_path):
    """serve(*options, ...): starts the application. What is left at the end of a server that another has followed is
    ended through it."""
    servers = []

    def serve_application(*options, **keywords):
        write()
        made = start("shop", "--pythonpath", tmp_path, *options, **{"workers": 2, **keywords})
        servers.append(made)
        return made

    yield serve_application
    for server in servers:
        end(server)


def end(server) -> None:
    """Stops whichever master serves."""
    if server.master_pid == server.pid or server.status is not None:
        return
    server.descriptors_at_start.clear()
    if processes.is_running(server.master_pid):
        os.kill(server.master_pid, signal.SIGTERM)
    assert server.wait_exit() == 0


@contextlib.contextmanager
def gate_for_all(gate):
    """Nobody has to wait at the gate."""
    fd = os.open(gate.path, os.O_RDWR | os.O_NONBLOCK)
    os.write(fd, b"\n" * 100)
    yield
    os.close(fd)


def upgrade(server) -> int:
    """Returns the pid of the new master."""
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    server.master_pid = int(server.wait_for_log(DONE, after=mark)["pid"])
    return server.master_pid


def wait_old_gone(server, pid: int) -> None:
    """A zombie until the test's own process has waited for it; or gone."""
    wait_until(lambda: not processes.is_running(pid), f"master {pid} to end")


def fail_to_upgrade(server) -> str:
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    found = server.wait_for_log(ROLLED_BACK, after=mark)
    assert int(found["pid"]) == server.master_pid
    return found["why"]


@MODES
def test_ten_upgrades_under_load_lose_nothing(serve, options):
    server = serve(*options)
    with Load(server.port) as load:
        for _ in range(10):
            old = server.master_pid
            upgrade(server)
            wait_old_gone(server, old)
    assert not load.errors
    assert load.total > 200


def test_new_code_is_served_and_the_old_master_goes(serve, write):
    server = serve()
    old = server.worker_pids()
    assert server.request("/").text == "first"
    write("second")
    new = upgrade(server)
    assert server.process.wait(60) == 0
    assert new != server.pid and processes.is_running(new)
    assert {server.request("/").text for _ in range(10)} == {"second"}
    assert not any(map(processes.is_running, old))


def test_an_upgrade_of_one_that_has_just_begun(serve):
    """The order may come before the new master has been told that it serves."""
    server = serve(workers=1)
    for _ in range(5):
        upgrade(server)


def test_requests_that_have_begun_are_finished(serve, write, gate):
    server = serve()
    with server.connect() as connection:
        connection.send(make_request(f"/gated?{gate.path}"))
        gate.wait_reached()
        write("second")
        upgrade(server)
        wait_until(lambda: server.request("/").text == "second", "the new code")
        gate.open()
        assert connection.read_response().text == "first"


@pytest.mark.parametrize("workers", [1, 2])
def test_idle_connections_go_over(serve, write, workers):
    server = serve(workers=workers)
    connections = [server.connect() for _ in range(100)]
    for connection in connections:
        assert connection.request("/").text == "first"
    write("second")
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    for connection in connections:
        assert connection.request("/").text == "second"


@MODES
def test_a_broken_application_is_rolled_back(serve, write, options):
    server = serve(*options)
    old = server.worker_pids()
    write("broken", before="raise ValueError('unfinished')")
    with Load(server.port) as load:
        why = fail_to_upgrade(server)
    assert not load.errors and list(load.bodies) == ["first"]
    assert "status 3" in why and server.log_contains("ValueError: unfinished")
    assert all(map(processes.is_running, old))
    wait_until(lambda: len(processes.session_members(server.pid)) == (4 if options else 3), "the new processes to go")
    write("mended")
    upgrade(server)
    wait_until(lambda: server.request("/").text == "mended", "the mended application")


def copy_program(directory):
    """A copy that the test may replace; it finds its Python as the other does."""
    program = directory / "clutch"
    shutil.copy2(find_binary(), program)
    return program


@pytest.fixture
def program(tmp_path, monkeypatch):
    made = copy_program(tmp_path)
    monkeypatch.setenv("CLUTCH_BINARY", str(made))
    return made


def replace(program, text: str | None) -> None:
    program.unlink()
    if text is not None:
        program.write_text(text)
        program.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "cannot be run, .*clutch: No such file"),
        ("no program", "cannot be run, .*clutch: Exec format error"),
        ("#!/bin/sh\nexit 7\n", "ended with status 7"),
        ("#!/bin/sh\nkill -SEGV $$\n", "killed by SIGSEGV"),
    ],
    ids=["missing", "no program", "exits", "crashes"],
)
def test_a_program_that_does_not_start_is_rolled_back(serve, program, text, expected):
    server = serve()
    replace(program, text)
    assert re.search(expected, fail_to_upgrade(server))
    assert server.request("/").text == "first"


def test_a_new_program_in_the_same_place_is_started(serve, program):
    server = serve()
    copied = program.with_name("kept")
    shutil.copy2(program, copied)
    replace(program, f'#!/bin/sh\necho "this is the new program" >&2\nexec {copied} "$@"\n')
    upgrade(server)
    assert server.log_contains("this is the new program")


@pytest.mark.parametrize("signals", [[], [signal.SIGUSR2]])
def test_one_that_hangs_is_rolled_back(serve, program, signals):
    server = serve("--boot-timeout", "1s")
    replace(program, "#!/bin/sh\necho hangs >&2\nexec sleep 1000\n")
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    server.wait_for_log("^hangs", after=mark)
    for number in signals:
        server.send_signal(number)
        server.wait_for_log("an upgrade is under way already: SIGUSR2 is ignored", after=mark)
    assert "not become ready in time" in server.wait_for_log(ROLLED_BACK, after=mark)["why"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT], ids=lambda number: number.name)
def test_a_stop_ends_both(serve, write, gate, number):
    server = serve()
    write("second", before=WAITS.format(path=gate.path))
    server.send_signal(signal.SIGUSR2)
    gate.wait_reached()
    server.send_signal(number)
    assert server.wait_exit() == 0
    assert server.log_contains("the upgrade is given up: the server stops")
    assert not server.log_contains("upgrade done")


def test_a_delayed_stop_ends_both(serve, write, gate):
    """Nobody takes over a server that has been told to stop."""
    server = serve("--drain-delay", "2s")
    write("second", before=WAITS.format(path=gate.path))
    server.send_signal(signal.SIGUSR2)
    gate.wait_reached()
    server.send_signal(signal.SIGTERM)
    server.wait_for_log("stopping in 2 s")
    with gate_for_all(gate):
        assert server.wait_exit() == 0
    assert server.log_contains("the upgrade is given up: the server stops")
    assert not server.log_contains("upgrade done") and not server.log_contains("rolled back")


def test_a_reload_waits_for_an_upgrade_that_fails(serve, write, gate):
    server = serve()
    write("second", before=WAITS.format(path=gate.path) + "; raise ValueError")
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    gate.wait_reached()
    server.send_signal(signal.SIGHUP)
    server.wait_for_log("a reload begins if the upgrade that is under way fails", after=mark)
    write("third")
    with gate_for_all(gate):
        server.wait_for_log(ROLLED_BACK, after=mark)
        server.wait_for_log("reload done: generation 2", after=mark)
    wait_until(lambda: server.request("/").text == "third", "the new code")


def test_the_new_master_dies_while_it_starts(serve, write, gate):
    server = serve()
    write("second", before=WAITS.format(path=gate.path))
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    gate.wait_reached()
    new = int(server.wait_for_log(r"is started as master (\d+)", after=mark)[1])
    os.kill(new, signal.SIGKILL)
    assert "killed by SIGKILL" in server.wait_for_log(ROLLED_BACK, after=mark)["why"]
    with gate_for_all(gate):
        wait_until(lambda: len(processes.session_members(server.pid)) == 3, "its workers to notice, when they are loaded")
    assert server.request("/").text == "first"


READY_AND_DEAD = """#!{python}
import os, signal
os.kill(os.getppid(), signal.SIGSTOP)
os.write(int(os.environ["CLUTCH_UPGRADE"].partition("channel=")[2].split()[0]), b"ready 1 1")
"""


def test_the_new_master_dies_when_it_is_ready(serve, program):
    """Its last word was that it is ready; nobody is left to serve but the old one."""
    server = serve()
    replace(program, READY_AND_DEAD.format(python=sys.executable))
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    new = int(server.wait_for_log(r"is started as master (\d+)", after=mark)[1])
    wait_until(lambda: not processes.is_running(new), "the new master to die")
    os.kill(server.pid, signal.SIGCONT)
    assert "ended with status 0" in server.wait_for_log(ROLLED_BACK, after=mark)["why"]
    assert server.request("/").text == "first"


def test_the_old_master_dies_while_the_new_one_starts(serve, write, gate):
    """Then the new one has the server, and its listeners are there."""
    server = serve()
    write("second", before=WAITS.format(path=gate.path))
    mark = server.log.mark()
    server.send_signal(signal.SIGUSR2)
    gate.wait_reached()
    new = int(server.wait_for_log(r"is started as master (\d+)", after=mark)[1])
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    server.master_pid = new
    with gate_for_all(gate):
        server.wait_for_log(r"has gone: this one takes its place", after=mark)
        wait_until(lambda: server.request("/").text == "second", "the new code")
    os.kill(new, signal.SIGTERM)
    server.wait_exit()


def test_workers_and_addresses_are_those_of_the_new_configuration(serve, tmp_path):
    """Given in a file that has been changed: one address more, one less, other workers."""
    kept, gone, come = (tmp_path / name for name in ("kept.sock", "gone.sock", "come.sock"))
    file = tmp_path / "shop.ini"
    file.write_text(f"[clutch]\nbind = unix:{gone}\nbind = unix:{kept}\nworkers = 1\n")
    server = serve("-c", file, bind=(), workers=None)
    inode = kept.stat().st_ino
    file.write_text(f"[clutch]\nbind = unix:{come}\nbind = unix:{kept}\nworkers = 3\n")
    mark = server.log.mark()
    old = server.master_pid
    upgrade(server)
    server.wait_for_log("ready: 3 workers serve", after=mark)
    wait_old_gone(server, old)
    assert not gone.exists() and kept.stat().st_ino == inode
    for path in (kept, come):
        with Connection(socket.AF_UNIX, str(path)) as connection:
            assert connection.request("/").text == "first"
    end(server)
    assert not kept.exists() and not come.exists()


def test_an_address_that_is_taken_is_rolled_back(serve, tmp_path):
    file = tmp_path / "shop.ini"
    file.write_text("[clutch]\nbind = 127.0.0.1:0\n")
    server = serve("-c", file, bind=())
    with socket.create_server(("127.0.0.1", 0)) as other:
        file.write_text(f"[clutch]\nbind = 127.0.0.1:0\nbind = 127.0.0.1:{other.getsockname()[1]}\n")
        fail_to_upgrade(server)
    assert server.log_contains("in use by another process")
    assert server.request("/").text == "first"


def test_a_wrong_option_is_rolled_back(serve, tmp_path):
    file = tmp_path / "shop.ini"
    file.write_text("[clutch]\n")
    server = serve("-c", file)
    file.write_text("[clutch]\nthreads = many\n")
    assert "status 2" in fail_to_upgrade(server)


def test_the_pid_file_goes_over(serve, write, tmp_path):
    file = tmp_path / "pid"
    server = serve("--pid", file)
    write("broken", before="raise ValueError")
    fail_to_upgrade(server)
    assert file.read_text() == f"{server.pid}\n"
    write("second")
    new = upgrade(server)
    assert file.read_text() == f"{new}\n"
    wait_old_gone(server, server.pid)
    assert file.read_text() == f"{new}\n"
    end(server)
    assert not file.exists()


def test_directory_umask_and_environment_are_those_of_the_start(serve, tmp_path):
    """Not what the options have made of them: a file named in the options is found again, and one that they do not set
    any more is as it was."""
    (tmp_path / "there").mkdir()
    file = tmp_path / "shop.ini"
    file.write_text("[clutch]\nchdir = there\numask = 027\nenv = COLOUR=blue\n")
    server = serve("-c", "shop.ini", environment={"COLOUR": "green"}, cwd=tmp_path)
    assert server.request("/where").text == f"{tmp_path}/there 0027"
    assert "'COLOUR': 'blue'" in server.request("/environment").text
    file.write_text("[clutch]\n")
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    before = processes.read_umask(os.getpid())
    assert server.request("/where").text == f"{tmp_path} {before}"
    environment = server.request("/environment").text
    assert "'COLOUR': 'green'" in environment and "CLUTCH_UPGRADE" not in environment


def test_a_directory_reached_by_a_link_is_found_by_it(serve, tmp_path):
    """A new release is a new directory behind the same link."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    (tmp_path / "current").symlink_to("old")
    server = serve(cwd=tmp_path / "current", environment={"PWD": str(tmp_path / "current")})
    assert server.request("/where").text.split()[0] == str(tmp_path / "old")
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("new")
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    assert server.request("/where").text.split()[0] == str(tmp_path / "new")


def test_a_directory_that_has_gone_is_said(serve, tmp_path):
    (tmp_path / "here").mkdir()
    server = serve(cwd=tmp_path / "here")
    (tmp_path / "here").rmdir()
    assert f"cannot be entered, {tmp_path}/here: No such file or directory" in fail_to_upgrade(server)


def test_the_control_socket_goes_over(serve, tmp_path):
    path = tmp_path / "control"
    server = serve("--control-socket", path)
    inode = path.stat().st_ino
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    assert path.stat().st_ino == inode
    result = run_clutch("status", "--json", path)
    assert result.returncode == 0, result.stderr
    end(server)
    assert not path.exists()


def test_metrics_are_those_of_the_new_master(serve):
    server = serve("--metrics-bind", "127.0.0.1:0")
    port = int(server.wait_for_log(r"metrics and health at http://127.0.0.1:(\d+)")[1])
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)

    def get(path: str):
        with Connection(socket.AF_INET, ("127.0.0.1", port)) as connection:
            return connection.request(path)

    wait_until(lambda: get("/readyz").status == 200, "the new master's monitor")
    assert "clutch_" in get("/metrics").text


def test_twelve_upgrades_leave_nothing_behind(serve, is_sanitized):
    server = serve()

    def look() -> tuple:
        return processes.open_descriptors(server.master_pid)

    def upgrade_and_wait() -> None:
        old = server.master_pid
        upgrade(server)
        wait_old_gone(server, old)
        wait_until(lambda: len(processes.children(server.master_pid)) == 2, "only the new ones to be there")

    upgrade_and_wait()
    wait_until(lambda: look()["socket"] >= 0, "the descriptors")
    counts = []
    for _ in range(12):
        upgrade_and_wait()
        counts.append(look())
    wait_until(lambda: look() == counts[0], f"as many descriptors as before: {counts}")


def test_a_log_that_is_moved_away_meanwhile(serve, write, gate, tmp_path):
    """The new master has opened the old file by then."""
    log, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    server = serve("--access-logfile", str(log))
    write("second", before=WAITS.format(path=gate.path))
    server.send_signal(signal.SIGUSR2)
    gate.wait_reached()
    log.rename(moved)
    server.send_signal(signal.SIGUSR1)
    server.wait_for_log("SIGUSR1: opened again")
    with gate_for_all(gate):
        server.master_pid = int(server.wait_for_log(DONE)["pid"])
    wait_until(lambda: len(server.log.find_all("SIGUSR1: opened again")) == 2, "the new master to open the new file")
    descriptors = processes.PROC / str(server.master_pid) / "fd"
    links = [os.readlink(descriptors / number) for number in os.listdir(descriptors)]
    assert str(log) in links and str(moved) not in links


@pytest.fixture
def public_shop(tmp_path):
    """The application where every user may read it."""
    with public_folder() as folder:
        (folder / "shop.py").write_text(APPLICATION.format(version="public", before=""))
        yield folder


@only_root
def test_as_root_with_user(serve, public_shop):
    server = serve("--user", "nobody", "--pythonpath", public_shop)
    upgrade(server)
    mark = [int(match["pid"]) for match in server.log.find_all(SPAWNED.pattern)][-1]
    status = (processes.PROC / str(mark) / "status").read_text()
    assert "Uid:\t0" not in status
    assert "Uid:\t0" in (processes.PROC / str(server.master_pid) / "status").read_text()
    upgrade(server)


def test_in_the_sandbox(serve, write):
    server = serve("--sandbox", "best-effort")
    write("second")
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    assert server.request("/").text == "second"


def test_with_a_monitor_nobody_is_told_that_it_died(serve):
    server = serve("--metrics-bind", "127.0.0.1:0", "--drain-delay", "5s")
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    assert not server.log_contains("goes on without it") and not server.log_contains("--drain-delay")


@pytest.mark.parametrize("channel", [None, -1, 0, 1, 99])
def test_a_foreign_variable_is_no_upgrade(channel):
    value = "yes" if channel is None else f"1 from=1 channel={channel} keeper=-1 queue=-1,-1,0\n"
    result = subprocess.run(
        [find_binary(), "shop"], env={"CLUTCH_UPGRADE": value}, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 1 and "expected this variable not to be set" in result.stderr
