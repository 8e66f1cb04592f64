# SPDX-License-Identifier: MIT
"""Names in the prose: what stands in a code span and looks like a file or an option has to exist."""

from __future__ import annotations

import functools
import re

from docs_support.pages import ROOT, tracked_files
from docs_support.unrunnable import OPTION, clutch_help, control_help, usage_of

SUFFIXES = "py c h md def pml json yaml yml svg case lua txt html css js toml conf"
FILE = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.(?:" + SUFFIXES.replace(" ", "|") + r")\b(?!\()")
FOLDERS = ("csrc/", "pyapps/", "setup/", "tests/")

# Files of a reader's project, of others, or made by a program of ours.
FOREIGN_FILES = {
    "path/to/file.py",
    "path/to/app.py",
    "path/file.py",
    "file.py",
    "requirements.txt",
    "Python.h",
    "shop/wsgi.py",
    "comparison.json",
    "comparison.html",
    "app.py",
    "script.py",
    "tasks.py",
    "./clutch.py",
}

# Options of other programs, and hidden ones of clutch.
FOREIGN_OPTIONS = {
    "--build-arg",
    "--stop-timeout",
    "--read-only",
    "--cap-drop",
    "--tmpfs",
    "--memory",
    "--cpus",
    "--build",
    "--ulimit",
    "--sysctl",
    "--pids-limit",  # docker
    "--debug-without",  # clutch, for its tests
    "--http-socket",
    "--http11-socket",
}


def is_own_file(name, page):
    """Seen from the page, from the root, or as the end of the path of a file of the project."""
    if (ROOT / page.path.parent / name).exists() or (ROOT / name).exists():
        return True
    return any(path == name or path.endswith("/" + name) for path in tracked_files())


@functools.cache
def known_options():
    """Of clutch, of the scripts in setup/ and of the programs in pyapps/."""
    known = set(OPTION.findall(clutch_help() + control_help())) | FOREIGN_OPTIONS
    for path in tracked_files():
        if re.fullmatch(r"setup/[\w-]+|pyapps/client\.py|pyapps/(?:compare|offload)/\w+\.py|tests/bench/\w+\.py", path):
            known.update(OPTION.findall(usage_of(path)))
    return known


def mistakes_in_names(page):
    mistakes = []
    for number, text in page.code_spans():
        for name in FILE.findall(text):
            if name.startswith("build/") or name in FOREIGN_FILES or "//" in text:
                continue
            if not is_own_file(name, page):
                mistakes.append(f"{page}:{number}: there is no file {name}")
        if re.fullmatch(r"[\w./-]+/?", text) and text.startswith(FOLDERS) and not (ROOT / text).exists():
            mistakes.append(f"{page}:{number}: there is no {text}")
        for option in OPTION.findall(text):
            if option not in known_options() and f"--no-{option[2:]}" not in text and not option.startswith("--no-"):
                mistakes.append(f"{page}:{number}: no program here has an option {option}")
    return mistakes
