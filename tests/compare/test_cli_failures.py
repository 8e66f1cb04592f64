# SPDX-License-Identifier: MIT
"""Applications that cannot be loaded or answer with errors, a port in use, Ctrl-C: what is said, what is kept, how it
ends."""

from __future__ import annotations

import os
import re
import signal
import socket

import pytest

from comparison_support import HELD, wait_for, write_app

SHORT = ("--workers", "2", "--threads", "1")

FAILING = """\
import threading
lock, calls = threading.Lock(), []
def application(environ, start_response):
    with lock:
        calls.append(1)
        number = len(calls)
    if number > {good}:
        raise LookupError("no such order")
    start_response("200 OK", [])
    return [b"ok"]
"""


def only_run(comparison):
    (experiment,) = comparison.document()["experiments"]
    (one,) = experiment["runs"]
    return one


def has_page(comparison) -> bool:
    return "</html>" in (comparison.out / "comparison.html").read_text()


def port_of(one) -> int:
    return int(one["command"][one["command"].index("--bind") + 1].rpartition(":")[2])


def is_gone(one) -> bool:
    """Whether nobody listens where the run's server did."""
    try:
        socket.create_connection(("127.0.0.1", port_of(one)), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


# Applications that cannot be loaded.


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ("raises_on_import", ["ConnectionError: no such database: orders", "Traceback", 'raises_on_import.py", line']),
        ("missing_import", ["ModuleNotFoundError: No module named 'no_such_module_anywhere'", "Traceback"]),
        ("syntax_error", ["SyntaxError", "def application(environ, start_response)"]),
        ("exits_on_import", ["SystemExit: configuration missing"]),
        ("dies_on_import", ["signal 9 (SIGKILL)"]),
        ("no_callable", ["has no 'application' and no 'app'"]),
        ("is_not_there", ["is_not_there.py' does not exist"]),
    ],
)
def test_an_application_that_cannot_be_loaded(run, app, words):
    comparison = run(f"pyapps/bad/{app}.py", "--workers", "1,2", "--threads", "1", status=1)
    one = only_run(comparison)
    shown = re.sub(r"\s+", " ", comparison.text)
    for each in words:
        assert each in one["error"]
        assert re.sub(r"\s+", " ", each) in shown
    assert one["requests"] == [] and one["pss_bytes"] is None
    assert "the other settings are left out" in comparison.text
    assert comparison.document()["interrupted"] is False and has_page(comparison)
    assert "Traceback" not in comparison.errors


def test_wrong_options_of_clutch(run):
    comparison = run("sleeping", *SHORT, "--", "--no-such-option", status=1)
    assert "unknown option --no-such-option" in only_run(comparison)["error"]


def test_a_port_in_use(run):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        comparison = run("sleeping", *SHORT, "--port", port, status=1)
    assert f"'127.0.0.1:{port}': the address is in use" in only_run(comparison)["error"]
    assert "the address is in use" in re.sub(r"\s+", " ", comparison.text)


# Applications that answer with errors.


def test_an_application_that_only_fails(run, tmp_path):
    comparison = run(write_app(tmp_path, FAILING.format(good=0)), *SHORT, status=1)
    one = only_run(comparison)
    assert one["error"].startswith("20 of 20 requests failed: 20 x status 500\n")
    assert "Traceback" in one["error"] and "LookupError: no such order" in one["error"]
    assert [request["status"] for request in one["requests"]] == [500] * 20
    assert (one["figures"]["answered"], one["figures"]["failed"]) == (0, 20)
    assert "LookupError: no such order" in comparison.text and "Traceback" not in comparison.errors
    assert has_page(comparison)


def test_an_application_that_fails_sometimes(run, tmp_path):
    comparison = run(write_app(tmp_path, FAILING.format(good=15)), "--workers", "1", "--threads", "1")
    one = only_run(comparison)
    assert one["error"] is None
    assert one["notes"][0].startswith("5 of 20 requests failed: 5 x status 500\n") and "LookupError" in one["notes"][0]
    assert (one["figures"]["answered"], one["figures"]["failed"]) == (15, 5)
    assert "5 of 20 requests failed" in comparison.text


def test_a_request_that_takes_too_long(run, tmp_path):
    comparison = run(write_app(tmp_path, HELD), *SHORT, "--clients", "2", "--timeout", "0.5", status=1)
    one = only_run(comparison)
    assert one["error"].startswith("2 of 2 requests failed: 2 x no answer within 0.5 s")
    assert {request["error"] for request in one["requests"]} == {"no answer within 0.5 s"}
    assert is_gone(one)


def test_a_worker_that_dies(run, tmp_path):
    app = write_app(tmp_path, "import os\ndef application(environ, start_response):\n    os._exit(9)\n")
    one = only_run(run(app, *SHORT, "--clients", "2", status=1))
    assert (
        "the server closed the connection before its answer" in one["error"] and "exited with status 9" in one["error"]
    )


# Ctrl-C.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
def test_an_interrupt_keeps_what_was_measured(begin, number):
    comparison = begin("sleeping", "--workers", "20,1", "--threads", "1")
    line = comparison.process.stdout.readline()
    while "20 workers x 1 thread: 20 of 20 answered" not in line:
        assert line, "it ended too soon"
        line = comparison.process.stdout.readline()
    wait_for((comparison.out / "logs" / "sleeping-clutch-1x1.access").exists)
    comparison.process.send_signal(number)
    assert comparison.finish() == 130, comparison.errors
    assert comparison.errors == ""
    document = comparison.document()
    assert document["interrupted"] is True
    runs = document["experiments"][0]["runs"]
    assert runs[0]["label"] == "20 workers x 1 thread" and len(runs[0]["requests"]) == 20
    assert runs[0]["figures"]["answered"] == 20
    assert document["recommendations"] == [] or all(each["text"] for each in document["recommendations"])
    assert "nterrupted" in comparison.text and "Sleeping" in comparison.text and has_page(comparison)
    assert all(map(is_gone, runs))


def test_an_interrupt_in_the_middle_of_the_load(begin, tmp_path):
    comparison = begin(write_app(tmp_path, HELD), *SHORT)
    wait_for((tmp_path / "called").exists)
    comparison.process.send_signal(signal.SIGINT)
    assert comparison.finish() == 130, comparison.errors
    one = only_run(comparison)
    assert len(one["requests"]) == 20 and one["figures"]["answered"] == 0 and one["figures"]["failed"] == 0
    for request in one["requests"]:
        assert request["error"] == "interrupted before the answer came" and request["answered_us"] is None
    assert one["error"] is None and one["pss_bytes"] > 0
    assert is_gone(one) and has_page(comparison)


def test_an_interrupt_while_the_server_starts(begin, tmp_path):
    app = write_app(
        tmp_path, "import pathlib, time\n(pathlib.Path(__file__).parent / 'called').touch()\ntime.sleep(30)\n"
    )
    comparison = begin(app, *SHORT)
    wait_for((tmp_path / "called").exists)
    comparison.process.send_signal(signal.SIGINT)
    assert comparison.finish() == 130, comparison.errors
    document = comparison.document()
    assert document["interrupted"] is True and document["experiments"] == [] and has_page(comparison)


def test_a_second_interrupt_changes_nothing(begin, tmp_path):
    comparison = begin(write_app(tmp_path, HELD), *SHORT)
    wait_for((tmp_path / "called").exists)
    for _ in range(3):
        comparison.process.send_signal(signal.SIGINT)
    assert comparison.finish() == 130, comparison.errors
    assert comparison.errors == "" and comparison.document()["interrupted"] is True
    assert is_gone(only_run(comparison))


# Results that cannot be written, and nobody who reads.


def test_a_result_that_cannot_be_written(begin, tmp_path):
    """Everything else is there: the table, and the other file."""
    (tmp_path / "out" / "comparison.json").mkdir(parents=True)
    comparison = begin("sleeping", "--workers", "5", "--threads", "4", "--out", tmp_path / "out")
    assert comparison.finish() == 1
    assert comparison.errors == f"setup/compare: --out: cannot write {tmp_path}/out/comparison.json: Is a directory\n"
    assert "Sleeping (I/O-bound)" in comparison.text and "The pictures:" in comparison.text
    assert (tmp_path / "out" / "comparison.html").exists()
    assert not list((tmp_path / "out").glob("*.new"))


def test_a_reader_who_goes_away_costs_nothing(begin):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as broken:
        comparison = begin("sleeping", "--workers", "5", "--threads", "4", stdout=broken)
    assert comparison.finish() == 1
    assert comparison.errors == "" and has_page(comparison) and only_run(comparison)["figures"]["answered"] == 20


def test_a_full_output_costs_nothing(begin):
    with open("/dev/full", "w") as full:
        comparison = begin("sleeping", "--workers", "5", "--threads", "4", stdout=full)
    assert comparison.finish() == 1
    assert comparison.errors == "setup/compare: cannot write to the standard output: No space left on device\n"
    assert has_page(comparison) and only_run(comparison)["figures"]["answered"] == 20
