# SPDX-License-Identifier: MIT
"""Serving as another user: folders that everybody may enter, a Python that everybody may read."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sysconfig
import tempfile

import pytest

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@contextlib.contextmanager
def public_folder():
    """Yields a folder that everybody may enter, and removes it. pytest's own are for their owner alone: another run of
    pytest that begins meanwhile takes other permissions back."""
    with tempfile.TemporaryDirectory(prefix="clutch-test-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        yield folder


def copy_library(folder: pathlib.Path) -> pathlib.Path:
    """Makes a copy of Python's library that everybody may read, for Pythons in somebody's home directory; returns its
    PYTHONHOME."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    leave_out = shutil.ignore_patterns(
        "site-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "config-*", "__pycache__"
    )
    shutil.copytree(library, folder / "home" / "lib" / library.name, ignore=leave_out)
    return folder / "home"
