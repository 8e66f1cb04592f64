# SPDX-License-Identifier: MIT
"""--help, --version, --print-config, --check-config: an answer on standard output and an exit status."""

from __future__ import annotations

import os
import re

import pytest

from support.server import BAD, BEHAVIOUR, PYAPPS, run_clutch


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version(option):
    result = run_clutch(option)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.fullmatch(r"clutch \d+\.\d+\.\d+ \(CPython 3\.\d+\.\d+\S*, llhttp \d+\.\d+\.\d+\)\n", result.stdout)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(option):
    result = run_clutch(option)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: clutch [options] APP\n")
    for name in (
        "--bind",
        "--workers",
        "--preload",
        "--access-logformat",
        "--wsgi-file",
        "--processes",
        "--limit-request-line",
    ):
        assert name in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 100


def test_every_option_of_print_config_is_in_the_help():
    help_text = run_clutch("--help").stdout
    names = [line.split()[0] for line in run_clutch("--print-config").stdout.splitlines()]
    assert len(names) > 25
    for name in names[1:]:
        assert re.search(rf"--{re.escape(name)}\b", help_text), name


def test_print_config():
    result = run_clutch(
        "-w",
        "3",
        "--keep-alive",
        "5",
        "--print-config",
        "app_main.py",
        cwd=PYAPPS,
        environment={"CLUTCH_LOG_LEVEL": "debug"},
    )
    assert (result.returncode, result.stderr) == (0, "")
    values = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert re.search(r"\b3\b.*command line -w", values["workers"])
    assert re.search(r"5s.*command line --keep-alive", values["keep-alive"])
    assert re.search(r"debug.*environment CLUTCH_LOG_LEVEL", values["log-level"])
    assert values["preload"].endswith("default")
    assert "app_main.py" in values["app"]


def test_print_config_without_app():
    assert run_clutch("--print-config").returncode == 0


def test_the_command_line_wins_over_the_environment():
    result = run_clutch("--workers", "2", "--print-config", environment={"CLUTCH_WORKERS": "7"})
    assert re.search(r"^workers +2 +command line --workers$", result.stdout, re.MULTILINE)


def test_check_config_of_a_good_application():
    result = run_clutch("--check-config", "--bind", "127.0.0.1:0", "--pythonpath", BEHAVIOUR, "ignore_body")
    assert result.returncode == 0, result.stderr
    assert "listening" not in result.stderr and "spawned" not in result.stderr


@pytest.mark.parametrize(
    "app, word",
    [
        ("raises_on_import", "ConnectionError: no such database: orders"),
        ("no_callable", "application"),
        ("no_such_module_here", "no_such_module_here"),
    ],
)
def test_check_config_of_a_bad_application(app, word):
    result = run_clutch("--check-config", "--pythonpath", BAD, app)
    assert result.returncode == 3
    assert word in result.stderr + result.stdout


def test_check_config_of_bad_options():
    result = run_clutch("--check-config", "--workers", "none", "app")
    assert result.returncode == 2
    assert "--workers" in result.stderr


def test_check_config_listens_nowhere(start):
    """It can be run while the server runs."""
    server = start("ignore_body", "--pythonpath", BEHAVIOUR)
    result = run_clutch(
        "--check-config", "--bind", f"127.0.0.1:{server.port}", "--pythonpath", BEHAVIOUR, "ignore_body"
    )
    assert result.returncode == 0, result.stderr


def test_check_config_does_not_wait_for_helpers_of_the_application(tmp_path):
    """A process that the application leaves behind has all that the trial gave it, descriptors too."""
    fifo = tmp_path / "end"
    os.mkfifo(fifo)
    (tmp_path / "app.py").write_text(
        "import os\n"
        f"end = os.open({str(fifo)!r}, os.O_RDONLY)\n"
        "if os.fork() == 0:\n"
        "    os.close(1)\n"
        "    os.close(2)\n"
        "    os.read(end, 1)\n"
        "    os._exit(0)\n"
        "def application(environ, start_response): pass\n"
    )
    held = os.open(fifo, os.O_RDWR)
    try:
        result = run_clutch("--check-config", "--boot-timeout", "30s", "app.py", cwd=tmp_path)
    finally:
        os.close(held)
    assert result.returncode == 0, result.stderr
    assert "--boot-timeout" not in result.stderr
