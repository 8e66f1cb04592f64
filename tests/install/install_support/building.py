# SPDX-License-Identifier: MIT
"""Builds and installs as a user would, but quickly: not optimised, and with ccache where there is one."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

from support.server import TREE, find_binary

QUICK = {"CMAKE_BUILD_TYPE": "Debug", "CLUTCH_LTO": "OFF"}


def quick_settings() -> dict[str, str]:
    """CMake's variables for a build that takes seconds."""
    ccache = shutil.which("ccache")
    return {**QUICK, "CMAKE_C_COMPILER_LAUNCHER": ccache} if ccache else dict(QUICK)


def run(*command, cwd=TREE, expected: int = 0, **environment) -> str:
    """Runs a command to its end; returns all that it printed. The status must be the expected one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLUTCH_", "DEB"))}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**kept, "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": "/tmp", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == expected, f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}"
    return done.stdout


def build_directory() -> pathlib.Path:
    """Where the program under test was built."""
    return pathlib.Path(find_binary()).parent


def make_sdist(directory: pathlib.Path) -> pathlib.Path:
    """The source archive, as the build backend makes it."""
    hook = "import sys, scikit_build_core.build as backend; backend.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", hook, directory)
    (archive,) = directory.glob("*.tar.gz")
    return archive


def pip(*arguments, **options) -> str:
    """pip of the Python that runs the tests, without a network and without a build environment of its own."""
    return run(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments, **options)


def make_wheel(source: pathlib.Path, directory: pathlib.Path, *options, expected: int = 0, **settings) -> str:
    """`pip wheel SOURCE` into the directory; returns what pip said."""
    defined = [f"--config-settings=cmake.define.{name}={value}" for name, value in {**quick_settings(), **settings}.items()]
    build_type = f"--config-settings=cmake.build-type={QUICK['CMAKE_BUILD_TYPE']}"
    fixed = ["--no-build-isolation", "--no-deps", "--no-index", "--no-cache-dir", build_type, *defined]
    return pip("wheel", *fixed, *options, "--wheel-dir", directory, source, expected=expected)


def files_below(directory: pathlib.Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}
