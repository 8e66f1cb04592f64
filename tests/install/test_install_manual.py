# SPDX-License-Identifier: MIT
"""clutch(1): it renders without a complaint, and has what the help has."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from support.server import run_clutch


@pytest.fixture(scope="module")
def page(prefix):
    return prefix / "share/man/man1/clutch.1"


def render(page) -> str:
    """The page as text of 100 columns, without overstrikes."""
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    done = subprocess.run(
        ["man", "--local-file", "--warnings=w", "--no-hyphenation", str(page)],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MANPAGER": "cat"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return re.sub(r".\x08", "", done.stdout)


def test_renders(page):
    text = render(page)
    version = re.match(r"clutch (\S+)", run_clutch("--version").stdout)[1]
    assert text.startswith("CLUTCH(1)") and f"clutch {version}" in text
    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "SIGNALS", "EXIT STATUS", "EXAMPLES"):
        assert f"\n{title}\n" in text
    assert re.search(r"\n +--workers, -w N\|auto, --processes\n +worker processes; auto: ", text)
    assert r"\f" not in text and "`" not in text


def test_has_every_option_of_the_help(page):
    options = set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", run_clutch("--help").stdout, re.MULTILINE))
    assert len(options) > 60
    assert options <= set(re.findall(r"--[a-z0-9-]+", render(page)))


def test_mandoc_has_no_complaint(page):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", page], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
