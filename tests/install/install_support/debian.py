# SPDX-License-Identifier: MIT
"""Makes the Debian package: of the build under test where that embeds the system's Python, else of a quick one."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

from install_support.building import build_directory, quick_settings, run
from support.server import TREE

SYSTEM_PYTHON = "/usr/bin/python3"


def why_impossible() -> str | None:
    """Why no package can be made here, or None."""
    for tool in ("cpack", "dpkg-deb", "dpkg-shlibdeps", "file"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    probe = f"source setup/common.sh; can_embed_python {SYSTEM_PYTHON}"
    if subprocess.run(["bash", "-c", probe], cwd=TREE, capture_output=True, check=False).returncode != 0:
        return f"{SYSTEM_PYTHON} cannot be embedded: no headers or no libpython"
    return None


def configured_python(build: pathlib.Path) -> str:
    """The interpreter of a build directory, as CMake was told."""
    lines = (build / "CMakeCache.txt").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("CLUTCH_PYTHON_CHOICE:"))


def build_with_system_python(directory: pathlib.Path) -> pathlib.Path:
    settings = {**quick_settings(), "CLUTCH_TESTS": "OFF", "Python3_EXECUTABLE": SYSTEM_PYTHON}
    defined = [f"-D{name}={value}" for name, value in settings.items()]
    run("cmake", "-S", TREE, "-B", directory, "-G", "Ninja", *defined)
    run("cmake", "--build", directory)
    return directory


def packaging_configuration(package: pathlib.Path) -> pathlib.Path:
    """What cpack was told when it made that package."""
    own = package.parents[1] / "build" / "CPackConfig.cmake"
    return own if own.exists() else build_directory() / "CPackConfig.cmake"


def make_package(directory: pathlib.Path) -> pathlib.Path:
    """Returns the .deb; skips the test where none can be made."""
    reason = why_impossible()
    if reason:
        pytest.skip(reason)
    build = build_directory()
    if pathlib.Path(configured_python(build)).resolve() != pathlib.Path(SYSTEM_PYTHON).resolve():
        build = build_with_system_python(directory / "build")
    run("cpack", "-G", "DEB", "--config", build / "CPackConfig.cmake", "-B", directory / "out", cwd=directory)
    (made,) = (directory / "out").glob("*.deb")
    return made
