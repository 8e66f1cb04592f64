# SPDX-License-Identifier: MIT
"""setup/offload: one command that runs it all, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from offload import __main__ as program, parts
from stack import LIMIT_S, PATIENT, ROOT, call, find_binary, wait_until

READY = re.compile(r"(redis|celery|clutch) is ready \(pid (\d+),")


def session_members(sessions):
    """Pids of the processes of these sessions that still run."""
    members = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) in sessions and fields[0] not in "ZX":
            members.append(int(name))
    return members


class Script:
    """A running setup/offload; its directory has a name that must be quoted."""

    def __init__(self, directory, *options, log="script.log"):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("CLUTCH_", "OFFLOAD_"))}
        environment.update(CLUTCH_BINARY=find_binary(), OFFLOAD_VENV=sys.prefix, PYTHONDONTWRITEBYTECODE="1", **PATIENT)
        self.directory = directory / "jobs of 'mine'"
        self.log = directory / log
        command = [ROOT / "setup" / "offload", "--bind", "127.0.0.1:0", "--seconds", "0.2", "--concurrency", "2", "--workers", "2"]
        command += ["--directory", self.directory, *options]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def text(self):
        return self.log.read_text()

    def pids(self):
        return {name: int(pid) for name, pid in READY.findall(self.text())}

    def wait_serving(self):
        """Returns the port."""
        def look():
            assert self.process.poll() is None, self.text()
            return re.search(r"serving at http://127\.0\.0\.1:(\d+);", self.text())

        return int(wait_until(look, "setup/offload serves")[1])

    def wait_end(self):
        """Returns its exit status, when none of its processes is left."""
        status = self.process.wait(LIMIT_S)
        assert session_members(set(self.pids().values())) == []
        return status


@pytest.fixture
def start_script(tmp_path):
    started = []

    def start(*options, **keywords):
        started.append(Script(tmp_path, *options, **keywords))
        return started[-1]

    yield start
    for script in started:
        if script.process.poll() is None:
            script.process.send_signal(signal.SIGINT)
            script.process.wait(LIMIT_S)


def test_starts_serves_and_ends(start_script):
    script = start_script()
    port = script.wait_serving()
    reply = call(port, "/?param=Request_1")
    assert reply.status == 202
    url = reply.headers["Location"]
    job = wait_until(lambda: (job := call(port, url).json())["state"] == "done" and job, "the job is done")
    assert job["result"] == "true" and job["ended_us"] - job["begun_us"] >= 200_000
    assert list(script.pids()) == ["redis", "celery", "clutch"]
    script.process.send_signal(signal.SIGINT)
    assert script.wait_end() == 0
    assert re.findall(r"(\w+): ending", script.text()) == ["clutch", "celery", "redis"]
    assert (script.directory / "redis" / "appendonlydir").is_dir()


def test_jobs_wait_for_the_next_start(start_script):
    script = start_script("--seconds", "4", "--concurrency", "1")  # so that the first one is seen running
    port = script.wait_serving()
    urls = [call(port, f"/?param={n}").headers["Location"] for n in range(3)]
    wait_until(lambda: call(port, urls[0]).json()["state"] == "running", "the first one runs")
    script.process.send_signal(signal.SIGINT)
    assert script.wait_end() == 0  # it waited for the first job
    port = start_script().wait_serving()
    jobs = [wait_until(lambda: (job := call(port, url).json())["state"] == "done" and job, f"{url} is done") for url in urls]
    assert [job["param"] for job in jobs] == ["0", "1", "2"]
    assert [job["attempts"] for job in jobs] == [1, 1, 1]


def test_second_signal_ends_at_once(start_script):
    script = start_script("--seconds", "600", "--concurrency", "1")
    port = script.wait_serving()
    url = call(port, "/?param=long").headers["Location"]
    wait_until(lambda: call(port, url).json()["state"] == "running", "the job runs")
    script.process.send_signal(signal.SIGINT)
    wait_until(lambda: "celery: ending" in script.text(), "waits for the job")
    script.process.send_signal(signal.SIGINT)
    script.wait_end()


@pytest.mark.parametrize("name", ["redis", "celery", "clutch"])
def test_a_part_that_ends_is_named(start_script, name):
    script = start_script()
    script.wait_serving()
    os.kill(script.pids()[name], signal.SIGKILL)
    assert script.wait_end() == 1
    said, _, lines = script.text().partition(f"{name} has ended by itself (-9); its last lines:\n")
    assert said and re.match(r"    \S", lines), script.text()


def test_one_at_a_time_in_a_directory_and_nothing_stays_when_it_is_killed(start_script):
    script = start_script("--seconds", "600")
    port = script.wait_serving()
    url = call(port, "/?param=long").headers["Location"]
    wait_until(lambda: call(port, url).json()["state"] == "running", "the job runs")
    sessions = set(script.pids().values())
    assert len(session_members(sessions)) >= 3
    second = start_script(log="second.log")
    assert second.process.wait(LIMIT_S) == 1
    refusal = f"another setup/offload runs in {second.directory}; end it, or name another place: --directory DIR"
    assert refusal in second.text()
    assert call(port, url).json()["state"] == "running"
    script.process.kill()
    script.process.wait(LIMIT_S)
    wait_until(lambda: session_members(sessions) == [], "Redis, Celery and clutch have ended")


@pytest.mark.timeout(60)
def test_a_signal_counts_whenever_it_comes(monkeypatch):
    """At each line that runs while the parts are watched: a handler must not wait for a lock that its own thread holds."""
    monkeypatch.setattr(program, "WATCH_S", 0.001)
    tracing = sys.gettrace()
    for moment in range(100):
        running, left = program.Running(), moment

        def trace(_frame, _event, _arg):
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGUSR1)
            left -= 1
            return trace

        before = signal.signal(signal.SIGUSR1, running.on_signal)
        sys.settrace(trace)
        try:
            assert running.watch() is None
        finally:
            sys.settrace(tracing)
            signal.signal(signal.SIGUSR1, before)
            os.close(running.waker)
            os.close(running.wake)


def test_address_in_use(start_script):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        script = start_script("--bind", address)
        assert script.wait_end() == 1
    assert "clutch did not start: " in script.text() and address in script.text() and "in use" in script.text()
    assert "Traceback" not in script.text()


@pytest.mark.parametrize("option, value", [("--concurrency", "0"), ("--workers", "x"), ("--seconds", "-1")])
def test_mistakes(start_script, option, value):
    script = start_script(f"{option}={value}")
    assert script.process.wait(LIMIT_S) == 2
    assert option in script.text() and f"'{value}'" in script.text() and "expected a number" in script.text()


def test_a_directory_that_cannot_be_made(start_script):
    script = start_script("--directory=/proc/offload")
    assert script.process.wait(LIMIT_S) == 1
    assert script.text() == "setup/offload: cannot keep anything in /proc/offload: No such file or directory\n"


def test_what_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(parts.shutil, "which", lambda *_, **__: None)
    with pytest.raises(parts.Missing, match="apt-get install redis-server"):
        parts.find_redis()
    with pytest.raises(parts.Missing, match="setup/offload --install"):
        parts.find_python(tmp_path)
