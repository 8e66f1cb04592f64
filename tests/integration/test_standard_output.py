# SPDX-License-Identifier: MIT
"""What is printed and finds no room is told, once, and fails; a reader that has gone ends a command quietly."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from support.control import Control, any_name
from support.server import BEHAVIOUR, LIMIT_S, TREE, find_binary, make_environment

FULL = "clutch: standard output cannot be written: No space left on device\n"

QUESTIONS = {
    "--help": [],
    "--help=man": [],
    "--help=zsh": [],
    "--version": [],
    "--print-config": ["--threads", "2"],
    "--check-config": ["--pythonpath", BEHAVIOUR, "router"],
    "import-config": [TREE / "pyapps" / "settings" / "gunicorn.conf.py"],
    "import-config --help": [],
    "status --help": [],
    "top --help": [],
    "stacks --help": [],
    "reload --help": [],
}
COMMANDS = {
    "status": [],
    "status --json": [],
    "stacks": [],
    "stacks --json": [],
    "top": ["--batch", "--interval", "20ms"],
    "reload": ["--wait"],
}


@pytest.fixture(scope="module")
def control(start_module):
    control = Control(any_name())
    start_module("router", "--pythonpath", BEHAVIOUR, "--control-socket", control.address)
    return control


@pytest.fixture(params=[*QUESTIONS, *COMMANDS])
def arguments(request):
    words = request.param.split()
    if request.param in QUESTIONS:
        return [*words, *QUESTIONS[request.param]]
    return [*words, *COMMANDS[request.param], request.getfixturevalue("control").address]


def run_into(stdout, arguments, **keywords):
    """Returns (exit status, what was said on standard error without lines of the log)."""
    result = subprocess.run(
        [find_binary(), *map(str, arguments)],
        env=make_environment(),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=LIMIT_S,
        check=False,
        **keywords,
    )
    lines = result.stderr.splitlines(keepends=True)
    return result.returncode, "".join(line for line in lines if not line.startswith("[20"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_told(arguments):
    with open("/dev/full", "w", encoding="utf-8") as full:
        assert run_into(full, arguments) == (1, FULL)


@pytest.mark.parametrize("is_ignored", [False, True], ids=["signalled", "ignored"])
def test_nobody_reads(arguments, is_ignored):
    """Whoever has started the command may ignore SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    keywords = {"preexec_fn": lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)} if is_ignored else {}
    try:
        assert run_into(writer, arguments, **keywords) == (1 if is_ignored else -signal.SIGPIPE, "")
    finally:
        os.close(writer)
