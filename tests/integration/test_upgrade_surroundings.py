# SPDX-License-Identifier: MIT
"""What the new master of an upgrade (SIGUSR2) takes over and what it reads anew: options, addresses, files, figures."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from support import processes
from support.client import Connection, make_request
from support.kernel import is_calm, stop
from support.server import run_clutch
# APPLICATION is what write() looks for here.
from support.upgrades import (
    APPLICATION,
    DONE,
    ROLLED_BACK,
    WAITS,
    begin_held,
    end,
    fail_to_upgrade,
    gate_for_all,
    upgrade,
    wait_old_gone,
)
from support.waiting import LIMIT_S, wait_until


def test_workers_and_addresses_are_those_of_the_new_configuration(serve_shop, tmp_path):
    """Given in a file that has been changed: one address more, one less, other workers."""
    kept, gone, come = (tmp_path / name for name in ("kept.sock", "gone.sock", "come.sock"))
    file = tmp_path / "shop.ini"
    file.write_text(f"[clutch]\nbind = unix:{gone}\nbind = unix:{kept}\nworkers = 1\n")
    server = serve_shop("-c", file, bind=(), workers=None)
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


def test_the_pid_file_goes_over(serve_shop, write, tmp_path):
    file = tmp_path / "pid"
    server = serve_shop("--pid", file)
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


def test_directory_umask_and_environment_are_those_of_the_start(serve_shop, tmp_path):
    """Not what the options have made of them: a file named in the options is found again, and one that they do not set
    any more is as it was."""
    (tmp_path / "there").mkdir()
    file = tmp_path / "shop.ini"
    file.write_text("[clutch]\nchdir = there\numask = 027\nenv = COLOUR=blue\n")
    server = serve_shop("-c", "shop.ini", environment={"COLOUR": "green"}, cwd=tmp_path)
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


@pytest.mark.parametrize("after", ["new.pid", None])
def test_a_pid_file_of_another_name(serve_shop, tmp_path, after):
    """Nobody is to signal a process that has gone, or whoever has its number then."""
    file = tmp_path / "shop.ini"
    file.write_text(f"[clutch]\npid = {tmp_path}/old.pid\n")
    server = serve_shop("-c", file)
    old = server.master_pid
    assert (tmp_path / "old.pid").read_text() == f"{old}\n"
    file.write_text(f"[clutch]\npid = {tmp_path}/{after}\n" if after else "[clutch]\n")
    new = upgrade(server)
    wait_old_gone(server, old)
    assert {path.name: path.read_text() for path in tmp_path.glob("*.pid")} == ({after: f"{new}\n"} if after else {})


def test_a_directory_reached_by_a_link_is_found_by_it(serve_shop, tmp_path):
    """A new release is a new directory behind the same link."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    (tmp_path / "current").symlink_to("old")
    server = serve_shop(cwd=tmp_path / "current", environment={"PWD": str(tmp_path / "current")})
    assert server.request("/where").text.split()[0] == str(tmp_path / "old")
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to("new")
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    assert server.request("/where").text.split()[0] == str(tmp_path / "new")


def test_the_control_socket_goes_over(serve_shop, tmp_path):
    path = tmp_path / "control"
    server = serve_shop("--control-socket", path)
    inode = path.stat().st_ino
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)
    assert path.stat().st_ino == inode
    result = run_clutch("status", "--json", path)
    assert result.returncode == 0, result.stderr
    end(server)
    assert not path.exists()


def test_metrics_are_those_of_the_new_master(serve_shop):
    server = serve_shop("--metrics-bind", "127.0.0.1:0")
    port = int(server.wait_for_log(r"metrics and health at http://127.0.0.1:(\d+)")[1])
    old = server.master_pid
    upgrade(server)
    wait_old_gone(server, old)

    def get(path: str):
        with Connection(socket.AF_INET, ("127.0.0.1", port)) as connection:
            return connection.request(path)

    wait_until(lambda: get("/readyz").status == 200, "the new master's monitor")
    assert "clutch_" in get("/metrics").text


def begin_unheard(server, write, gate, file, after: str = "") -> int:
    """As begin_held(), and lets the new master become ready while the old one stands still. Returns its pid."""
    new = begin_held(server, write, gate, after)
    stop(server.pid)
    with gate_for_all(gate):
        wait_until(lambda: file.read_text() == f"{new}\n", "the new master to be ready")
        wait_until(lambda: is_calm([new], 0.05), "it to wait for its turn")
    return new


def test_a_stop_right_behind_the_word_to_serve(serve_shop, write, gate, tmp_path):
    """The new master finds both at once: it is the server that ends, who waits is answered, and no file is left."""
    path, file = tmp_path / "shop.sock", tmp_path / "pid"
    server = serve_shop("--pid", file, bind=(f"unix:{path}",))
    new = begin_unheard(server, write, gate, file)
    stop(new)
    os.kill(server.pid, signal.SIGCONT)
    server.wait_for_log(DONE)
    server.master_pid = new
    wait_old_gone(server, server.pid)
    with server.connect() as connection:
        connection.send(make_request("/"))
        os.kill(new, signal.SIGTERM)
        os.kill(new, signal.SIGCONT)
        assert connection.read_response().text == "second"
    assert server.wait_exit() == 0
    assert not path.exists() and not file.exists()


def test_a_stop_before_the_word_to_serve(serve_shop, write, gate, tmp_path):
    """The old master hears that the new one is ready while that one ends: it is the old one that serves on."""
    leave, file, control = (tmp_path / name for name in ("leave", "pid", "control"))
    os.mkfifo(leave)
    at_exit = f"\nimport atexit\natexit.register(lambda: {WAITS.format(path=str(leave))})"
    server = serve_shop("--pid", file, "--control-socket", control, bind=(f"unix:{tmp_path}/shop.sock",))
    new = begin_unheard(server, write, gate, file, at_exit)
    os.kill(new, signal.SIGTERM)
    server.wait_for_log("stopping: SIGTERM")
    os.kill(server.pid, signal.SIGCONT)
    wait_until(lambda: is_calm([server.pid], 0.05), "the old one to hear")
    assert processes.is_running(new)
    fd = os.open(leave, os.O_RDWR)
    os.write(fd, b"\n" * 100)
    server.wait_for_log(ROLLED_BACK)
    os.close(fd)
    assert server.request("/").text == "first"
    assert file.read_text() == f"{server.pid}\n"
    assert run_clutch("status", control).returncode == 0


def test_a_stop_between_the_promise_and_the_word_to_serve(start, write, tmp_path):
    """The old master, which is the test here, cannot take its promise back."""
    path = tmp_path / "shop.sock"
    write()
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with its:
            passed = f"1 from={os.getpid()} channel={its.fileno()} keeper=-1 queue=-1,-1,0\n"
            server = start(
                "shop",
                "--pythonpath",
                tmp_path,
                bind=(f"unix:{path}",),
                environment={"CLUTCH_UPGRADE": passed},
                pass_fds=[its.fileno()],
                ready=False,
            )
        ours.settimeout(LIMIT_S)
        while not ours.recv(100).startswith(b"ready"):
            pass
        with server.connect() as connection:
            connection.send(make_request("/"))
            ours.send(b"yours")
            server.send_signal(signal.SIGTERM)
            assert connection.read_response().text == "first"
        assert server.wait_exit() == 0


def test_a_log_that_is_moved_away_meanwhile(serve_shop, write, gate, tmp_path):
    """The new master has opened the old file by then."""
    log, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    server = serve_shop("--access-logfile", str(log))
    begin_held(server, write, gate)
    log.rename(moved)
    server.send_signal(signal.SIGUSR1)
    server.wait_for_log("SIGUSR1: opened again")
    with gate_for_all(gate):
        server.master_pid = int(server.wait_for_log(DONE)["pid"])
    wait_until(lambda: len(server.log.find_all("SIGUSR1: opened again")) == 2, "the new master to open the new file")
    open_ones = processes.open_descriptors(server.master_pid)
    assert str(log) in open_ones and str(moved) not in open_ones
