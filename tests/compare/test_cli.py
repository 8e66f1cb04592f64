# SPDX-License-Identifier: MIT
"""The command line of a comparison: what it takes, what it runs by itself, what it says when something is wrong."""

from __future__ import annotations

import io
import json
import socket

import pytest
from compare import __main__ as program
from compare import experiment, load, options, peers, plan
from compare.progress import Progress
from rich.console import Console

from comparison_support import HELD, find_binary, write_app

ECHO = """\
import json, os
def application(environ, start_response):
    body = environ["wsgi.input"].read().decode()
    names = ("REQUEST_METHOD", "REQUEST_URI", "CONTENT_TYPE", "HTTP_X_ONE", "HTTP_X_TWO")
    seen = {name: environ.get(name, "") for name in names}
    seen["MARK"] = os.environ.get("MARK", "")
    with open(os.environ["ECHO_FILE"], "a") as file:
        file.write(json.dumps({**seen, "body": body}) + "\\n")
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def make_tools(clients=20, requests=20, cpus=2.0):
    return experiment.Tools(
        "clutch", [], "0", cpus, load.Load(clients=clients, requests=requests), None, None, {}, None
    )


def test_help_tells_every_option(run):
    text = run("--help").text
    for name in (
        "workers",
        "threads",
        "clients",
        "requests",
        "path",
        "method",
        "data",
        "header",
        "with",
        "out",
        "port",
        "timeout",
        "clutch",
    ):
        assert f"--{name}" in text
    assert "sleeping, spinning, mixed" in text and "Exit status" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--workers", "1,0"], ["--workers", "'1,0'", "whole numbers from 1 to 1024"]),
        (["--threads", "two"], ["--threads", "'two'", "whole numbers"]),
        (["--clients", "0"], ["--clients", "'0'", "from 1 to 1000000"]),
        (["--requests", "-1"], ["--requests"]),
        (["--path", "x"], ["--path", "'x'", "begins with '/'"]),
        (["--path", "/a b"], ["--path", "'/a b'", "without spaces"]),
        (["--method", "GET /"], ["--method", "'GET /'", "GET or POST"]),
        (["--header", "no colon"], ["--header", "'no colon'", "NAME: VALUE"]),
        (["--header", "X: a\r\nY: b"], ["--header", "NAME: VALUE in one line"]),
        (["--header", "Content-Length: 5"], ["--header", "'Content-Length: 5'", "is set with every request"]),
        (["--header", "X-\u00dc: a"], ["--header", "ASCII"]),
        ([""], ["APP", "''", "module:callable"]),
        (["--out", ""], ["--out", "''", "a directory"]),
        (["--data", "@/no/such/file"], ["--data", "No such file"]),
        (["--port", "70000"], ["--port", "'70000'", "from 1 to 65535"]),
        (["--timeout", "nan"], ["--timeout", "'nan'", "seconds"]),
        (["--with", "gunicorn,apache"], ["--with", "'apache'", "gunicorn"]),
        (["--clutch", "/no/such"], ["--clutch", "'/no/such'", "a program that can be run"]),
        (["--worker", "1"], ["unrecognized", "--worker"]),
        (["--path", "/a#b"], ["--path", "'/a#b'", "without spaces and '#'"]),
        (["a", "--", "--workers=3"], ["--workers", "after '--'", "before it"]),
        (["a", "--", "-b", "127.0.0.1:1"], ["-b", "after '--'", "--port before it"]),
        (["a", "--", "--access-logfile", "-"], ["--access-logfile", "after '--'", "no access log"]),
        (["offloading", "--workers", "3"], ["--workers", "expected none with 'offloading'"]),
        (["offloading", "--with", "gunicorn"], ["--with", "expected none with 'offloading'"]),
        (["a", "b"], ["unrecognized", "b"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_wrong_options(arguments, says, capsys):
    with pytest.raises(SystemExit) as caught:
        options.parse(["--clutch", find_binary(), *arguments])
    assert caught.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    for words in says:
        assert words in message


def test_wrong_options_end_with_status_two(run):
    comparison = run("--workers", "many", status=2)
    assert comparison.errors.endswith("'many': expected whole numbers from 1 to 1024, parted by commas\n")
    assert not comparison.out.exists()


def test_a_program_that_is_not_clutch(run):
    assert "does not say that it is clutch" in run("sleeping", "--clutch", "/bin/true", status=2).errors


def test_a_directory_that_cannot_be_made(run, tmp_path):
    (tmp_path / "file").write_text("")
    assert "--out: cannot make" in run("sleeping", "--out", str(tmp_path / "file"), status=2).errors


def test_two_comparisons_do_not_share_a_directory(begin, run, tmp_path):
    app = write_app(tmp_path, HELD)
    first = begin(app, "--workers", "1", "--threads", "1", "--out", tmp_path / "one")
    assert first.process.stdout.readline(), "it has begun"
    second = run("sleeping", "--out", tmp_path / "one", status=2)
    assert f"--out: another comparison is writing to {tmp_path / 'one'}: wait for its end" in second.errors
    first.process.terminate()
    assert first.finish() == 130
    run("sleeping", "--workers", "5", "--threads", "4", "--out", tmp_path / "one")


def test_peers_that_are_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "find", lambda name, venv: "1.0" if name == "waitress" else None)
    given = options.parse(["--clutch", find_binary(), "--with", "waitress,gunicorn"])
    facts = {"clutch": "0", "granted_cpus": 1.0}
    with pytest.raises(program.Mistake, match="gunicorn is not installed; 'setup/peers gunicorn' installs it"):
        program.make_tools(given, facts)


def test_defaults(monkeypatch):
    given = options.parse(["--clutch", find_binary()])
    assert given.app is None and given.load == load.Load(clients=20, requests=20, path="/?param=Request_N")
    assert given.load.target(7) == "/?param=Request_7"
    posted = options.parse(["--clutch", find_binary(), "--data", "a=1", "--clients", "3"]).load
    assert (posted.method, posted.data, posted.requests) == ("POST", b"a=1", 3)
    assert posted.headers == (("Content-Type", "application/x-www-form-urlencoded"),)


# What is run.


def test_the_demonstration_takes_less_than_a_minute():
    planned = plan.make_plan(None)
    assert [each.name for each in planned] == ["sleeping", "spinning", "mixed"]
    sleeping = planned[0]
    assert [tuple(each) for each in sleeping.settings] == [(1, 1), (2, 1), (5, 1), (10, 1), (20, 1), (5, 4), (1, 20)]
    for cpus in (1.0, 2.0, 8.0):
        assert sum(sum(experiment.expected_steps(each, make_tools(cpus=cpus))) for each in planned) < 60
    assert all(len(each.says) == 2 and each.title for each in planned)


def test_settings_of_the_command_line():
    (one,) = plan.make_plan("shop.wsgi:app", [2, 1], [1, 3])
    assert [tuple(each) for each in one.settings] == [(2, 1), (1, 1), (2, 3), (1, 3)]
    assert one.target == "shop.wsgi:app"
    (default,) = plan.make_plan("shop")
    assert [tuple(each) for each in default.settings][:4] == [(1, 1), (2, 1), (5, 1), (10, 1)] and len(
        default.settings
    ) == 8


@pytest.mark.parametrize("app", ["some/app.py", "some/app.py:make"])
def test_files_are_found_from_where_the_user_is(app, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (one,) = plan.make_plan(app)
    assert one.target == f"{tmp_path}/{app}" and one.name == "app.py"


@pytest.mark.parametrize(
    ("cost", "setting", "seconds"),
    [
        (plan.Cost(0.3, 0.0), (1, 1), 6.0),
        (plan.Cost(0.3, 0.0), (5, 1), 1.2),
        (plan.Cost(0.3, 0.0), (5, 4), 0.3),
        (plan.Cost(0.3, 0.0), (50, 4), 0.3),
        (plan.Cost(0.0, 0.1), (1, 1), 2.0),
        (plan.Cost(0.0, 0.1), (1, 5), 2.0),
        (plan.Cost(0.0, 0.1), (10, 1), 1.0),
        (plan.Cost(0.08, 0.02), (2, 5), 0.2),
    ],
)
def test_what_a_setting_is_expected_to_take(cost, setting, seconds):
    assert plan.expected_s(cost, plan.Setting(*setting), 20, 20, 2.0) == pytest.approx(seconds)


def test_peers_run_where_they_can(monkeypatch):
    tools = make_tools()._replace(peers={"bjoern": "3", "gunicorn": "27"}, venv_peers="/venv")
    (planned,) = plan.make_plan("shop", [2], [1, 4])
    runs = [(each.server, tuple(each.setting)) for each in experiment.list_candidates(planned, tools)]
    assert runs == [
        ("clutch", (2, 1)),
        ("bjoern", (2, 1)),
        ("gunicorn", (2, 1)),
        ("clutch", (2, 4)),
        ("gunicorn", (2, 4)),
    ]


# What is sent.


def test_the_load_is_sent_as_asked_for(run, tmp_path):
    (tmp_path / "echo.py").write_text(ECHO)
    (tmp_path / "body").write_text("from a file")
    seen = tmp_path / "seen"
    arguments = [
        "echo.py",
        "--workers",
        "1",
        "--threads",
        "1",
        "--clients",
        "2",
        "--requests",
        "3",
        "--path",
        "/a?b=Request_N",
    ]
    arguments += [
        "--method",
        "PUT",
        "--data",
        "@body",
        "--header",
        "X-One: 1",
        "--header",
        "X-Two:two:2",
        "--header",
        "Content-Type: text/x",
    ]
    comparison = run(*arguments, "--", "--env", "MARK=of-clutch", cwd=tmp_path, environment={"ECHO_FILE": str(seen)})
    got = sorted((json.loads(line) for line in seen.read_text().splitlines()), key=lambda each: each["REQUEST_URI"])
    assert [each["REQUEST_URI"] for each in got] == [f"/a?b=Request_{number}" for number in (1, 2, 3)]
    for each in got:
        assert each["REQUEST_METHOD"] == "PUT" and each["body"] == "from a file" and each["CONTENT_TYPE"] == "text/x"
        assert (each["HTTP_X_ONE"], each["HTTP_X_TWO"], each["MARK"]) == ("1", "two:2", "of-clutch")
    (one,) = comparison.document()["experiments"]
    assert comparison.document()["load"] == {
        "clients": 2,
        "requests": 3,
        "method": "PUT",
        "path": "/a?b=Request_N",
        "note": None,
    }
    assert [request["client"] for request in one["runs"][0]["requests"]].count(1) in (1, 2)
    typed = comparison.document()["command"]
    assert typed[0] == "setup/compare" and typed[-len(arguments) - 3 :] == [*arguments, "--", "--env", "MARK=of-clutch"]


def test_a_port_of_the_users_choice(run):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    document = run("sleeping", "--workers", "5", "--threads", "4", "--port", port).document()
    assert f"127.0.0.1:{port}" in document["experiments"][0]["runs"][0]["command"]


# What the terminal shows.


def show_progress(**options):
    """Returns what a progress of two steps, the first of which has ended, puts on a terminal or elsewhere."""
    text = io.StringIO()
    with Progress(Console(file=text, width=100, **options), [1.0, 9.0]) as progress:
        progress.begin("first [1]", of=2)
        progress.advance()
        progress.advance()
        progress.end("2 answered")
        left = progress.left_s(is_done=True)
        progress.begin("second", of=1)
        progress.advance()
        progress.end("done")
    return text.getvalue(), left


def test_progress_elsewhere_is_plain_lines():
    text, left = show_progress()
    assert "\x1b" not in text
    first, second = text.splitlines()
    assert first.startswith("first [1]: 2 answered; about ") and second == "second: done; the last one"
    assert left >= 0


def test_progress_on_a_terminal_is_a_bar():
    text, _ = show_progress(force_terminal=True, _environ={"TERM": "xterm"})
    assert "first [1]: 2 answered" in text and "about" in text and "\x1b" in text


def test_time_left_follows_the_pace():
    progress = Progress(Console(file=io.StringIO()), [1.0, 2.0, 3.0])
    progress.begin("one")
    progress.end()
    progress.spent_s = 2.0  # twice as long as expected
    assert progress.left_s(is_done=True) == pytest.approx(10.0)
    progress.skip(1)
    assert progress.left_s(is_done=True) == pytest.approx(6.0)
    progress.expect([1.0])
    assert progress.left_s(is_done=True) == pytest.approx(2.0)


def test_a_terminal_that_can_do_nothing_gets_lines():
    assert "\x1b" not in show_progress(force_terminal=True, _environ={"TERM": "dumb"})[0]


def test_status_of_a_result():
    def result(*errors):
        return {"experiments": [{"runs": [{"error": error} for error in errors]}]}

    assert not program.has_failed(result(None, None)) and program.has_failed(result(None, "it did not start"))
