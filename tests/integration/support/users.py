# SPDX-License-Identifier: MIT
"""Serving as another user: folders that everybody may enter, a Python that everybody may read."""

from __future__ import annotations

import os
import pathlib
import shutil
import sysconfig

import pytest

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def open_to_everybody(folder: pathlib.Path) -> pathlib.Path:
    """Lets everybody into a folder of pytest's, which are for their owner alone; returns it."""
    for entered in (folder, folder.parent, folder.parent.parent):
        entered.chmod(0o755)
    return folder


def copy_library(folder: pathlib.Path) -> pathlib.Path:
    """Makes a copy of Python's library that everybody may read, for Pythons in somebody's home directory; returns its
    PYTHONHOME."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    leave_out = shutil.ignore_patterns(
        "site-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "config-*", "__pycache__"
    )
    shutil.copytree(library, folder / "home" / "lib" / library.name, ignore=leave_out)
    return open_to_everybody(folder) / "home"
