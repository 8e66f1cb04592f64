# SPDX-License-Identifier: MIT
"""Every mistake on the command line ends with status 2 and one line that names the option, the value and what is
allowed."""

from __future__ import annotations

import pytest

from support.server import BEHAVIOUR, run_clutch


def check_refused(*arguments, words, **options):
    result = run_clutch(*arguments, **options)
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.startswith("clutch: ")]
    assert any(all(word in line for word in words) for line in lines), result.stderr
    return result


def test_no_app():
    check_refused(words=["APP"])


def test_two_apps():
    check_refused("one", "two", words=["two"])


@pytest.mark.parametrize(
    "given, nearest",
    [
        ("--worker", "--workers"),
        ("--wokers", "--workers"),
        ("--binds", "--bind"),
        ("--acces-logfile", "--access-logfile"),
        ("--pre-load", "--preload"),
        ("--procesess", "--processes"),
        ("--graceful-timeot", "--graceful-timeout"),
    ],
)
def test_unknown_option_names_the_nearest(given, nearest):
    check_refused(given, "app", words=[given, f"did you mean {nearest}?"])


def test_unknown_option_far_from_all():
    result = check_refused("--frobnicate-the-quux", "app", words=["unknown option", "--frobnicate-the-quux"])
    assert "did you mean" not in result.stderr


@pytest.mark.parametrize(
    "option, value, words",
    [
        ("--workers", "0", ["1", "1024", "auto"]),
        ("--workers", "1025", ["1", "1024"]),
        ("--workers", "many", ["auto"]),
        ("--workers", "2.5", ["auto"]),
        ("--workers", "-1", ["1"]),
        ("-w", "x", ["auto"]),
        ("--processes", "none", ["auto"]),
        ("--backlog", "0", ["1", "65535"]),
        ("--graceful-timeout", "soon", ["10s"]),
        ("--keep-alive", "-5", ["0"]),
        ("--keep-alive", "5 parsecs", []),
        ("--boot-timeout", "25h", ["24h"]),
        ("--limit-request-line", "12", ["64"]),
        ("--limit-request-body", "lots", []),
        ("--limit-request-fields", "1001", ["1000"]),
        ("--log-level", "loud", ["debug", "info", "warning", "error", "critical"]),
        ("--umask", "999", []),
        ("--umask", "1777", ["777"]),
        ("--preload", "=maybe", ["yes", "no"]),
        ("--bind", "here", ["HOST:PORT"]),
        ("--env", "NOVALUE", ["NAME=VALUE"]),
        ("--env", "=x", ["NAME=VALUE"]),
        ("--environ", "NOVALUE", ["NAME=VALUE"]),
        ("--environ", "HTTP_X=1", ["HTTP_"]),
        ("--chdir", "/no/such/folder", ["/no/such/folder"]),
        ("--user", "nobody-of-that-name", []),
        ("--group", "no-such-group-here", []),
        ("--access-logformat", "%(nothing)s", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_values(option, value, words):
    """`=value` stands for --option=value."""
    arguments = [option + value] if value.startswith("=") and option == "--preload" else [option, value]
    if option == "--access-logformat":
        arguments += ["--access-logfile", "-"]
    result = run_clutch(*arguments, "--bind", "127.0.0.1:0", "--pythonpath", BEHAVIOUR, "router")
    assert result.returncode == 2, result.stderr
    line = next(line for line in result.stderr.splitlines() if option in line)
    for word in [value.lstrip("="), *words]:
        assert word in line


@pytest.mark.parametrize("option", ["--workers", "--bind", "--log-level", "--chdir", "-w"])
def test_missing_value(option):
    check_refused(option, words=[option])


@pytest.mark.parametrize(
    "option", ["--cheaper=4", "--evil-reload-on-rss=9", "--yaml=x.yaml", "--worker-class=gevent", "--daemonize=x"]
)
def test_options_of_others_say_what_to_do_instead(option):
    name = option.split("=")[0]
    check_refused(option, "app", words=[name, "is not an option of clutch"])


def test_all_mistakes_are_told_at_once():
    result = run_clutch("--workers", "x", "--nonsense", "--log-level", "y", "app")
    assert result.returncode == 2
    for word in ("--workers", "--nonsense", "--log-level"):
        assert word in result.stderr


def test_mistakes_in_the_environment_name_the_variable():
    check_refused("app", words=["CLUTCH_WORKERS", "several"], environment={"CLUTCH_WORKERS": "several"})


def test_a_file_that_does_not_exist():
    check_refused("no/such/app.py", words=["no/such/app.py"])


def test_no_traceback_no_errno():
    """Nothing raw reaches the user."""
    result = run_clutch("--workers", "\x01\xff\n", "app")
    assert result.returncode == 2
    assert "errno" not in result.stderr.lower() and "\x01" not in result.stderr
