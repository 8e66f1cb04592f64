# SPDX-License-Identifier: MIT
"""A server as a child process: its start, its end, what is read of its log; the access log's lines."""

from __future__ import annotations

import os
import select
import signal
import sys
import urllib.request

import pytest
from compare import access_log, document
from compare.failures import explain_start, grave_messages, tracebacks
from compare.server import (
    Server,
    StartError,
    free_port,
    make_environment,
    takes_connections,
)

from comparison_support import PYAPPS, wait_for

LISTENER = """\
import signal, socket, sys, time
{before}
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    listener.accept()
"""


def listener(tmp_path, before="", **options):
    """A server that is no clutch: takes connections, answers nothing."""
    port = free_port()
    command = [sys.executable, "-c", LISTENER.format(before=before), port]
    return Server(command, port, tmp_path / "log", ready=takes_connections, **options)


def clutch_server(clutch, tmp_path, *options, app=PYAPPS / "gil.py", **keywords):
    port = free_port()
    return Server(
        [clutch, "--bind", f"127.0.0.1:{port}", "--workers", "2", *options, app], port, tmp_path / "log", **keywords
    )


def is_alive(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def test_a_server_serves_until_its_end(clutch, tmp_path):
    with clutch_server(clutch, tmp_path) as server:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=30) as answer:
            assert answer.status == 200
        pids = server.pids()
        assert pids[0] == server.process.pid and len(pids) == 3
        memory = server.memory()
        assert memory.processes == 3 and memory.pss_bytes > 3_000_000
        assert server.cpu_s() > 0
    assert server.status == 0
    assert not any(map(is_alive, pids))


def test_a_server_that_ends_before_it_is_ready(tmp_path):
    with pytest.raises(StartError) as caught, listener(tmp_path, before="sys.exit('no such table')"):
        pass
    assert "exit status 1" in str(caught.value) and "no such table" in str(caught.value)


def test_a_server_that_is_killed_before_it_is_ready(tmp_path):
    before = "import os; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(StartError, match="SIGKILL"), listener(tmp_path, before=before):
        pass


def test_a_server_that_is_never_ready(tmp_path):
    server = listener(tmp_path, before="print('thinking', flush=True); time.sleep(600)", limit_s=1.5)
    with pytest.raises(StartError) as caught, server:
        pass
    assert "not ready within 1.5 s" in str(caught.value)
    assert not is_alive(server.process.pid)


def test_a_program_that_is_not_there(tmp_path):
    with (
        pytest.raises(StartError, match="/no/such/program: No such file"),
        Server(["/no/such/program"], 1, tmp_path / "log"),
    ):
        pass


def test_a_server_that_does_not_want_to_end(tmp_path):
    with listener(tmp_path, before="signal.signal(signal.SIGTERM, signal.SIG_IGN)") as server:
        assert server.stop(patience_s=0.2) == -signal.SIGKILL
    assert not is_alive(server.process.pid)


def test_nothing_of_a_server_runs_after_its_end(tmp_path):
    """Its children die of SIGKILL, too, and that takes a moment: their memory is given back first."""
    before = """import os
for _ in range(4):
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        held = b"x" * 50_000_000
        while True: signal.pause()
"""
    with listener(tmp_path, before=before) as server:
        wait_for(lambda: len(server.pids()) == 5)
        descriptors = [os.pidfd_open(pid) for pid in server.pids()]
    ended = select.select(descriptors, [], [], 0)[0]
    for descriptor in descriptors:
        os.close(descriptor)
    assert ended == descriptors


def test_the_cpu_time_of_ended_children_counts(tmp_path):
    busy = "import time\nwhile time.process_time() < 0.5: pass"
    before = f"import subprocess; subprocess.run([sys.executable, '-c', {busy!r}])"
    with listener(tmp_path, before=before) as server:
        assert server.cpu_s() >= 0.5


def test_the_environment_of_a_server(monkeypatch):
    for name, value in {
        "CLUTCH_WORKERS": "9",
        "CLUTCH_DEMO_SECONDS": "1",
        "PYTHONPATH": "/ours",
        "COMPARE_PYTHONPATH": "/theirs",
    }.items():
        monkeypatch.setenv(name, value)
    environment = make_environment({"COMPARE_SLEEP_SECONDS": "2"})
    assert "CLUTCH_WORKERS" not in environment and "COMPARE_PYTHONPATH" not in environment
    assert environment["CLUTCH_DEMO_SECONDS"] == "1" and environment["PYTHONPATH"] == "/theirs"
    assert environment["COMPARE_SLEEP_SECONDS"] == "2"
    monkeypatch.setenv("COMPARE_PYTHONPATH", "")
    assert "PYTHONPATH" not in make_environment()


LOG = """\
[2026-11-26 04:22:46 +0000] [11788] [info] master: spawned worker 1 (pid: 11789, cores: 1)
[2026-11-26 04:22:46 +0000] [11789] [error] worker 1: GET /: RuntimeError: on purpose
    Traceback (most recent call last):
      File "app.py", line 1, in application
    RuntimeError: on purpose
[2026-11-26 04:22:46 +0000] [11788] [info] master: stopping: SIGTERM
printed by the application
[2026-11-26 04:22:46 +0000] [11788] [critical] master: giving up
"""


def test_grave_messages_have_their_traceback():
    first, second = grave_messages(LOG)
    assert first.startswith("worker 1: GET /: RuntimeError") and first.endswith("RuntimeError: on purpose")
    assert first.splitlines()[1:3] == ["Traceback (most recent call last):", '  File "app.py", line 1, in application']
    assert len(first.splitlines()) == 4
    assert second == "master: giving up"


PEERS_LOG = """\
[2026-11-26 05:00:00 +0000] [123] [ERROR] Error handling request /
Traceback (most recent call last):
  File "base.py", line 3, in handle
    respiter = self.wsgi(environ, resp.start_response)
  File "shop.py", line 7, in application
    raise LookupError("no such order") from error
KeyError: 7

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "shop.py", line 7, in application
LookupError: no such order
[2026-11-26 05:00:00 +0000] [123] [ERROR] Error handling request /
Traceback (most recent call last):
  File "shop.py", line 9, in application
ValueError: another one
printed by the application
"""


def test_tracebacks_of_other_servers():
    first, second = tracebacks(PEERS_LOG)
    assert first.startswith("LookupError: no such order\nTraceback") and "KeyError: 7" in first
    assert first.endswith("\nLookupError: no such order")
    assert second.splitlines()[2:] == ['  File "shop.py", line 9, in application', "ValueError: another one"]
    assert tracebacks("all is well\n") == []
    assert explain_start(PEERS_LOG, 1).endswith("ValueError: another one")


def test_a_traceback_begins_in_the_application():
    """The server's frames and the wrapper's are no news; without any other they stay."""
    server = '  File "/venv/gunicorn/sync.py", line 1, in handle\n    run()\n         ^^^\n'
    wrapper = '  File "/pyapps/compare/observe.py", line 75, in load_file\n    exec_module(module)\n'
    importing = '  File "<frozen importlib._bootstrap>", line 241, in _call\n'
    own = '  File "/home/shop.py", line 2, in <module>\n    import nothing\n'
    head, end = "Traceback (most recent call last):\n", "ImportError: nothing\n"
    (text,) = tracebacks(head + server + wrapper + importing + own + end)
    assert text + "\n" == end + head + own + end
    (text,) = tracebacks(head + server + wrapper + end)
    assert text + "\n" == end + head + server + wrapper + end


def test_explaining_a_start():
    text = explain_start(LOG, 3)
    assert "exit status 3" in text and "Traceback" in text and text.endswith("giving up")
    assert explain_start("", 1).endswith("without a word")
    assert explain_start("clutch: unknown option --x\n", 2).endswith("unknown option --x")


# The file.


def test_a_document_is_written_in_one_piece_and_read_again(tmp_path):
    written = {"format": 1, "text": 'ü "x"', "none": None, "deep": [{"a": [1, 2], "b": {"c": 1.5}}, []], "empty": {}}
    document.write(written, tmp_path / "new" / "file.json")
    assert document.read(tmp_path / "new" / "file.json") == written
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.json"]
    with pytest.raises(ValueError):
        document.write({"format": 1, "a": float("nan")}, tmp_path / "new" / "file.json")
    assert document.read(tmp_path / "new" / "file.json") == written


def test_a_request_is_one_line(tmp_path):
    text = document.to_text({"requests": [document.make_request(1, 1, 0), document.make_request(2, 1, 5)]})
    assert len(text.splitlines()) == 6


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}'])
def test_what_is_no_document(tmp_path, text):
    (tmp_path / "file").write_text(text)
    with pytest.raises(document.BadDocument, match="file: no"):
        document.read(tmp_path / "file")


# The access log.

GOOD = "0a1b2c3d-7 <42> 2 1 1700000000000500 100 3 5000 20 200"


def join(line, status=200):
    request = document.make_request(7, 1, 400)
    request["status"] = status
    missing = access_log.join([request], access_log.parse(line), "0a1b2c3d", 1_700_000_000_000_000)
    return request, missing


def test_a_line_is_joined_to_its_request():
    request, missing = join(GOOD)
    assert missing == 0
    expected = {
        "pid": 42,
        "worker": 2,
        "thread": 1,
        "arrived_us": 500,
        "begun_us": 600,
        "queue_us": 100,
        "gil_us": 3,
        "app_us": 5000,
    }
    assert {name: request[name] for name in expected} == expected and request["write_us"] == 20


@pytest.mark.parametrize(
    "line",
    [
        "",
        GOOD.replace("0a1b2c3d", "ffffffff"),
        "x " + GOOD,
        GOOD + " x",
        GOOD.replace("-7", "-8"),
        GOOD.replace("0a1b2c3d-7", "-"),
    ],
    ids=["none", "other run", "front", "back", "other request", "no id"],
)
def test_lines_that_are_not_ours_tell_nothing(line):
    request, missing = join(line)
    assert missing == 1 and request["pid"] is None and request["begun_us"] is None


def test_a_request_that_its_client_gave_up_while_it_waited_has_not_begun():
    request, missing = join("0a1b2c3d-7 <42> 2 0 1700000000000500 100 0 0 0 499", status=None)
    assert missing == 0
    assert (request["arrived_us"], request["queue_us"]) == (500, 100)
    assert (request["begun_us"], request["app_us"], request["thread"]) == (None, None, None)
