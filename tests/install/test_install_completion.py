# SPDX-License-Identifier: MIT
"""Completion, asked of the shells themselves."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest


@pytest.fixture
def folder(tmp_path):
    for name in ("server.log", "shop.py", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    return tmp_path


def ask(*command, cwd) -> list[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return sorted(done.stdout.splitlines())


@pytest.fixture
def bash(prefix, folder):
    """bash(word...) -> what is offered for the last word; bash itself cuts words at '='."""
    script = prefix / "share/bash-completion/completions/clutch"

    def complete(*words):
        array = " ".join(map(shlex.quote, words))
        text = (
            f"source {script}; COMP_WORDS=(clutch {array}); COMP_CWORD={len(words)}; _clutch\n"
            'printf "%s\\n" "${COMPREPLY[@]}"; complete -p clutch >&2'
        )
        done = subprocess.run(["bash", "-uc", text], cwd=folder, capture_output=True, text=True, check=True)
        assert done.stderr.strip() == "complete -F _clutch clutch"
        return sorted(done.stdout.split())

    return complete


def test_bash_options(bash):
    assert bash("--sandb") == ["--sandbox", "--sandbox-exec", "--sandbox-write"]
    assert "--processes" not in bash("-") and "--debug-without" not in bash("--debug")


@pytest.mark.parametrize("words", [["--log-level", "d"], ["--log-level", "=", "d"], ["shop.py", "--log-level", "deb"]])
def test_bash_choices(bash, words):
    assert bash(*words) == ["debug"]


def test_bash_values(bash):
    assert bash("--log-level", "=") == sorted("debug info warning error critical".split())
    assert bash("--forwarded-headers", "") == sorted("for proto host forwarded".split())
    assert bash("--forwarded-headers", "proto,h") == ["proto,host"]
    assert bash("--processes", "") == ["auto"]
    assert "root" in bash("-u", "")
    assert bash("--bind", "") == []


def test_bash_paths(bash):
    assert bash("") == ["shop.py", "sub"] or set(bash("")) >= {"shop.py", "sub"}
    assert "notes.txt" not in bash("")
    assert bash("--pid", "n") == ["notes.txt"]
    assert bash("--access-logfile", "s") == ["server.log", "shop.py", "sub"]
    assert bash("--chdir", "s") == ["sub"]
    assert bash("--wsgi-file", "s") == ["shop.py", "sub"]


def test_bash_commands(bash):
    """A command is the first word; behind it come its own options and files."""
    assert bash("import-c") == ["import-config"]
    assert bash("import-config", "n") == ["notes.txt"]
    assert bash("--preload", "import-c") == []


@pytest.fixture
def fish(prefix, folder):
    """fish(line) -> what is offered behind it, without descriptions."""
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    script = prefix / "share/fish/vendor_completions.d/clutch.fish"

    def complete(line):
        text = f"source {script}; complete -C {shlex.quote(line)}"
        return [offered.split("\t")[0] for offered in ask("fish", "--no-config", "-c", text, cwd=folder)]

    return complete


def test_fish(fish):
    assert fish("clutch --sandb") == ["--sandbox", "--sandbox-exec", "--sandbox-write"]
    assert fish("clutch --log-level d") == ["debug"]
    assert fish("clutch --forwarded-headers for,h") == ["for,host"]
    assert fish("clutch --pid n") == ["notes.txt"]
    assert fish("clutch --chdir s") == ["sub/"]
    assert fish("clutch --processes=") == ["--processes=auto"]
    assert "shop.py" in fish("clutch s")
    assert fish("clutch import-c") == ["import-config"]
    assert fish("clutch import-config n") == ["notes.txt"]
    assert fish("clutch --preload import-c") == []


def test_zsh(prefix):
    """Its syntax; it completes in an interactive shell alone."""
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    script = prefix / "share/zsh/site-functions/_clutch"
    assert ask("zsh", "-f", "-n", script, cwd=script.parent) == []
    assert script.read_text(encoding="utf-8").startswith("#compdef clutch\n")
