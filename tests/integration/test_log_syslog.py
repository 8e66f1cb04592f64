# SPDX-License-Identifier: MIT
"""Logs to syslog and to the journal of systemd; the error log as JSON."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import threading

import pytest

from support.server import BEHAVIOUR, SPAWNED, run_clutch
from support.users import copy_library, only_root, public_folder
from support.waiting import LIMIT_S, wait_until

TRACEBACK = "RuntimeError: raised on purpose"


class Receiver:
    """Takes datagrams at an address until the end of the test."""

    def __init__(self, family: int, address):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(0.1)
        self.address = self.socket.getsockname()
        self.messages: list[str] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while not self.is_over.is_set():
            try:
                self.messages.append(self.socket.recv(65536).decode("utf-8", "backslashreplace"))
            except socket.timeout:
                continue

    def find(self, pattern: str) -> re.Match | None:
        return next(filter(None, (re.search(pattern, message) for message in list(self.messages))), None)

    def wait_for(self, pattern: str) -> re.Match:
        return wait_until(lambda: self.find(pattern), f"a message with {pattern}")

    def close(self) -> None:
        self.is_over.set()
        self.thread.join()
        self.socket.close()


@pytest.fixture
def receive(tmp_path):
    """receive() listens at tmp_path/log, receive(True) by UDP."""
    receivers = []

    def make(is_udp: bool = False) -> Receiver:
        address = ("127.0.0.1", 0) if is_udp else str(tmp_path / "log")
        receivers.append(Receiver(socket.AF_INET if is_udp else socket.AF_UNIX, address))
        return receivers[-1]

    yield make
    for receiver in receivers:
        receiver.close()


def start_at(start, tmp_path, *options, **keywords):
    """A server whose log need not be read: it listens at a unix socket."""
    server = start(
        "router", "--pythonpath", BEHAVIOUR, *options, bind=[f"unix:{tmp_path}/s"], ready=False, **keywords
    )
    server.known_addresses = [(socket.AF_UNIX, f"{tmp_path}/s")]
    return server


# --- Syslog ---


@pytest.mark.parametrize(
    "mode",
    [[], ["--threads", "3"], ["--preload"], ["--sandbox", "best-effort"]],
    ids=["alone", "threads", "preload", "sandbox"],
)
def test_both_logs_in_syslog(start, receive, tmp_path, mode, is_sanitized):
    receiver = receive()
    log = f"syslog:{receiver.address}"
    server = start_at(
        start, tmp_path, "--error-logfile", log, "--access-logfile", log + ",facility=local3,tag=shop", *mode
    )
    receiver.wait_for(r"^<30>\w{3} [ \d]\d \d\d:\d\d:\d\d clutch\[\d+\]: \[info\] master: ready: 1 worker")
    assert server.request("/raises/first-next").status == 500
    receiver.wait_for(r"^<27>.* clutch\[\d+\]: \[error\] worker 1: GET /raises/first-next: " + TRACEBACK)
    receiver.wait_for(r"^<27>.* clutch\[\d+\]:     Traceback \(most recent call last\):$")
    receiver.wait_for(r'^<155>.* shop\[\d+\]: .*"GET /raises/first-next HTTP/1.1" 500')
    assert server.request("/errors_stream/write").status == 200
    receiver.wait_for(r"^<30>.* clutch\[\d+\]: errors: written$")
    assert server.request("/blocks/list-of-one").status == 200
    receiver.wait_for(r'^<158>.* shop\[\d+\]: .*"GET /blocks/list-of-one HTTP/1.1" 200')
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    receiver.wait_for(r"master: stopped$")
    # The search for leaks at the end of a process is not possible in the sandbox, and says so.
    assert server.log.text == "" or (is_sanitized and "--sandbox" in mode)


def test_by_udp(start, receive):
    receiver = receive(True)
    server = start(
        "router", "--pythonpath", BEHAVIOUR, "--access-logfile", f"syslog:127.0.0.1:{receiver.address[1]},facility=user"
    )
    server.request("/blocks/list-of-one")
    receiver.wait_for(r'^<14>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ clutch \d+ - - .*"GET /blocks/list-of-one')


def test_nobody_is_there(start, receive, tmp_path):
    """The server starts and serves; when there is somebody, he is told how many lines were lost."""
    server = start("router", "--pythonpath", BEHAVIOUR, "--access-logfile", f"syslog:{tmp_path}/log")
    server.wait_for_log(r"\[warning\] master: --access-logfile syslog:\S+/log: nobody takes lines there now \(No such file")
    with server.connect() as connection:  # a line is written before the next request is read
        for _ in range(3):
            assert connection.request("/blocks/list-of-one").status == 200
        receiver = receive()
        assert connection.request("/blocks/list-of-one").status == 200
    lost = int(receiver.wait_for(r"(\d+) lines? (was|were) lost: nobody took them at syslog:")[1])
    wait_until(lambda: lost + sum("GET /blocks" in message for message in receiver.messages) == 4, "all lines")
    assert lost in (2, 3)


def test_the_receiver_stands_still(start, tmp_path):
    """Its queue is full: nobody waits."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        server = start("router", "--pythonpath", BEHAVIOUR, "--access-logfile", f"syslog:{tmp_path}/log")
        with server.connect() as connection:
            for _ in range(1000):
                assert connection.request("/blocks/list-of-one").status == 200
        while True:
            try:
                receiver.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
        assert server.request("/blocks/list-of-one").status == 200
        receiver.settimeout(LIMIT_S)
        while not re.search(rb"\d+ lines? (was|were) lost", receiver.recv(65536)):
            server.request("/blocks/list-of-one")


@only_root
def test_a_socket_of_root(start):
    """The connection is made before --user is taken on."""
    with public_folder() as public:
        receiver = Receiver(socket.AF_UNIX, str(public / "log"))
        try:
            os.chmod(receiver.address, 0o600)
            application = public / "plain.py"
            application.write_text("def application(environ, start):\n    start('200 OK', [])\n    return [b'one']\n")
            application.chmod(0o644)
            options = ("--access-logfile", f"syslog:{receiver.address}", "--user", "65534", "--group", "65534")
            environment = {"PYTHONHOME": str(copy_library(public))}
            server = start(application, *options, cwd=public, environment=environment)
            assert server.request("/seen").status == 200
            receiver.wait_for("GET /seen")
            assert server.stop() == 0
        finally:
            receiver.close()


@pytest.mark.parametrize("value", ["syslog:host", "syslog:,facility=x", "syslog:,tag=a b", "syslog:,what=1"])
def test_values_that_mean_nothing(value):
    for option in ("--error-logfile", "--access-logfile"):
        result = run_clutch(option, value, "app")
        assert result.returncode == 2 and option in result.stderr


# --- The journal ---


def test_the_journal(start, tmp_path):
    """Standard error is a stream socket that $JOURNAL_STREAM names: lines have a priority and no time."""
    script = (
        "import os, socket, sys, threading\n"
        "ours, theirs = socket.socketpair()\n"
        "status = os.fstat(theirs.fileno())\n"
        "os.environ['JOURNAL_STREAM'] = f'{status.st_dev}:{status.st_ino}'\n"
        "if os.fork() == 0:\n"
        "    theirs.close()\n"
        "    while data := ours.recv(65536):\n"
        "        os.write(2, data)\n"
        "    os._exit(0)\n"
        "ours.close()\n"
        "os.dup2(theirs.fileno(), 2)\n"
        "theirs.close()\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    server = start("router", "--pythonpath", BEHAVIOUR, prefix=[sys.executable, "-c", script], ready=False)
    server.wait_for_log(r"^<6>\[\d+\] \[info\] master: ready: 1 worker serves")
    assert server.request("/raises/first-next").status == 500
    server.wait_for_log(r"^<3>\[\d+\] \[error\] worker 1: GET /raises/first-next: " + TRACEBACK)
    server.wait_for_log(r"^<3>    Traceback \(most recent call last\):$")
    server.wait_for_log(r"^<3>    " + TRACEBACK)
    os.kill(int(SPAWNED.search(server.log.text)["pid"]), signal.SIGTERM)
    server.wait_for_log(r"^<6>\[\d+\] \[info\] master: worker 1 .* exited with status 0")
    assert server.stop() == 0
    assert all(re.match(r"<\d>", line) for line in server.log.lines)


def test_another_stream(start):
    """$JOURNAL_STREAM is inherited, but standard error leads elsewhere."""
    server = start("router", "--pythonpath", BEHAVIOUR, environment={"JOURNAL_STREAM": "1:2"})
    assert server.log.lines[0].startswith("[20")


# --- JSON ---


def test_the_error_log_as_json(start, tmp_path):
    (tmp_path / "says.py").write_text(
        "import sys\n"
        "def application(environ, start):\n"
        "    print('a \"line\" \\u20ac\\x07 ' + environ['PATH_INFO'], file=sys.stderr)\n"
        "    print('another', file=environ['wsgi.errors'])\n"
        "    raise ValueError('two\\nlines')\n"
    )
    server = start(
        tmp_path / "says.py", "--log-format", "json", "--request-id-header", "X-Request-ID", ready=False, workers=1
    )
    server.wait_for_log("ready: 1 worker serves")
    server.known_addresses = []
    trace = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    fields = [("traceparent", "00-{}-{}-00".format(*trace)), ("X-Request-ID", "one")]
    assert server.request("/path", headers=fields).status == 500
    server.wait_for_log("exception.stacktrace")
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    records = [json.loads(line) for line in server.log.lines]
    bodies = {record["Body"]: record for record in records}
    assert bodies["stopped"]["SeverityText"] == "INFO" and bodies["stopped"]["SeverityNumber"] == 9
    assert bodies["stopped"]["Attributes"] == {"process.pid": server.pid, "clutch.role": "master"}
    printed = bodies['a "line" \u20ac\x07 /path']
    assert printed["Attributes"]["log.iostream"] == "stderr" and "SeverityText" not in printed
    assert "another" in bodies
    failed = bodies["GET /path (request one): ValueError: two\\x0alines"]
    assert failed["SeverityText"] == "ERROR" and (failed["TraceId"], failed["SpanId"]) == trace
    assert failed["Attributes"]["clutch.request_id"] == "one"
    stack = failed["Attributes"]["exception.stacktrace"]
    assert stack.startswith("Traceback (most recent call last):\n") and stack.endswith("ValueError: two\nlines\n")


def test_json_in_syslog(start, receive, tmp_path):
    receiver = receive()
    server = start_at(start, tmp_path, "--error-logfile", f"syslog:{receiver.address}", "--log-format", "json")
    found = receiver.wait_for(r"^<30>.* clutch\[\d+\]: (\{.*ready: 1 worker.*\})$")
    assert json.loads(found[1])["SeverityText"] == "INFO"
    server.send_signal(signal.SIGTERM)
    assert server.wait_exit() == 0
