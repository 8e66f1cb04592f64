# SPDX-License-Identifier: MIT
"""Configuration files, as the program reads them: it serves by one, and what wins is what is shown."""

from __future__ import annotations

import os
import re

import pytest

from support.server import BEHAVIOUR, run_clutch

SETTINGS = ("bind = 127.0.0.1:0", "workers = 1", "threads = 2")


def write(path, *lines):
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def origin_of(result, name):
    return re.search(rf"^{name} .* (\S+:\d+|default|environment \S+|command line \S+)$", result.stdout, re.MULTILINE)[1]


@pytest.mark.parametrize("section", ["clutch", "uwsgi"])
def test_serves_by_a_file(start, tmp_path, section):
    app = "app" if section == "clutch" else "module"
    file = write(tmp_path / "shop.ini", f"[{section}]", f"{app} = ignore_body", f"pythonpath = {BEHAVIOUR}", *SETTINGS)
    server = start(None, "--config", file, workers=None, bind=())
    assert server.request().status == 200


def test_all_mistakes_are_told_with_their_lines(tmp_path):
    write(tmp_path / "shop.ini", "[clutch]", "wrokers = 3", "threads = x")
    result = run_clutch("-c", "shop.ini", "app", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "clutch: shop.ini:2: wrokers: there is no such option: did you mean workers?",
        "clutch: shop.ini:3: threads: 'x' is not a whole number (1 to 1024)",
        "clutch: try 'clutch --help'",
    ]


def test_the_order_of_the_sources(tmp_path):
    write(tmp_path / "shop.ini", "[clutch]", "workers = 1", "threads = 1", "backlog = 1", "app = app")
    result = run_clutch(
        "--print-config",
        "-w2",
        cwd=tmp_path,
        environment={"CLUTCH_CONFIG": "shop.ini", "CLUTCH_WORKERS": "3", "CLUTCH_THREADS": "3"},
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert origin_of(result, "workers") == "command line -w"
    assert origin_of(result, "threads") == "environment CLUTCH_THREADS"
    assert origin_of(result, "backlog") == "shop.ini:4"
    assert origin_of(result, "app") == "shop.ini:5"
    assert origin_of(result, "umask") == "default"


def test_a_file_can_be_a_pipe(tmp_path):
    """As `--config <(program)` of a shell makes one."""
    read_end, write_end = os.pipe()
    with open(write_end, "wb") as pipe:
        pipe.write(b"[clutch]\napp = shop\nthreads = 7\n")
    result = run_clutch("-c", f"/proc/{os.getpid()}/fd/{read_end}", "--print-config", cwd=tmp_path)
    os.close(read_end)
    assert result.returncode == 0, result.stderr
    assert origin_of(result, "threads").endswith(":3")


def test_a_device_is_refused(tmp_path):
    """A terminal would never end."""
    result = run_clutch("-c", "/dev/null", "app", cwd=tmp_path)
    assert result.stderr.startswith("clutch: -c: '/dev/null' is no file: an ini file is needed\n")
