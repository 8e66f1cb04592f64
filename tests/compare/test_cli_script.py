# SPDX-License-Identifier: MIT
"""setup/compare itself: it keeps its packages, runs from anywhere, and leaves the user's PYTHONPATH to applications."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from compare import document

from comparison_support import TREE

LIMIT_S = 600.0  # it may have to make its environment first
pytestmark = pytest.mark.timeout(700)

APP = """\
import os
import mine
def application(environ, start_response):
    assert "COMPARE_PYTHONPATH" not in os.environ and "pyapps" not in os.environ["PYTHONPATH"]
    start_response("200 OK", [])
    return [mine.ANSWER]
"""


def test_an_application_of_ones_own(clutch, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "mine.py").write_text("ANSWER = b'mine'\n")
    (tmp_path / "shop.py").write_text(APP)
    for name in ("compare.py", "rich.py", "socketserver.py"):
        (tmp_path / name).write_text("raise ImportError('this is not what was meant')\n")
    arguments = ["shop", "--workers", "2", "--threads", "1", "--clutch", clutch, "--out", "results"]
    ended = subprocess.run(
        [TREE / "setup" / "compare", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "lib")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (experiment,) = document.read(tmp_path / "results" / "comparison.json")["experiments"]
    assert {request["bytes"] for request in experiment["runs"][0]["requests"]} == {4}
    assert (tmp_path / "results" / "comparison.html").exists()
    assert "20 of 20 answered" in ended.stdout


def test_what_it_needs_is_installed(tmp_path):
    """Not only what a build needs: a machine can have Python's headers, and no module venv."""
    setup = tmp_path / "setup"
    setup.mkdir()
    for name in ("compare", "common.sh"):
        shutil.copy(TREE / "setup" / name, setup)
    (setup / "dependencies").write_text("#!/bin/sh\necho \"asked for $*\"\nexit 7\n")
    (setup / "dependencies").chmod(0o755)
    ended = subprocess.run([setup / "compare"], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert (ended.returncode, ended.stdout) == (7, "asked for compare\n")


def test_help_needs_no_build():
    ended = subprocess.run([TREE / "setup" / "compare", "--help"], capture_output=True, text=True, timeout=LIMIT_S)
    assert ended.returncode == 0 and ended.stdout.startswith("usage: setup/compare [APP]")
