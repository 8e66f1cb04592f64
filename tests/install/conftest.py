# SPDX-License-Identifier: MIT
"""Fixtures of the tests of installation: a wheel, an environment that has it, a prefix, a Debian package. Each is made once.
The server and client of the integration tests serve here too."""

from __future__ import annotations

import pathlib
import sys
import venv as stdlib_venv

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

from install_support.building import build_directory, make_sdist, make_wheel, pip, run  # noqa: E402
from install_support.debian import make_package  # noqa: E402
from support.server import Server  # noqa: E402

BUILD_LIMIT_S = 900  # of a test that may have to wait for whole builds, without a warm ccache and beside other work

# A framework and an application that uses it, which only one environment has.
FRAMEWORK = """
class App:
    def __init__(self):
        self.views = {}
    def route(self, path):
        return lambda view: self.views.setdefault(path, view)
    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [self.views[environ["PATH_INFO"]]().encode()]
"""
SHOP = """
import sys
from only_here_framework import App
app = App()
@app.route("/")
def index():
    return "\\n".join(["the shop", sys.prefix, sys.base_prefix, sys.version])
"""


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(BUILD_LIMIT_S))


@pytest.fixture(scope="session")
def sdist(tmp_path_factory):
    """The source archive."""
    return make_sdist(tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def wheel(sdist, tmp_path_factory):
    """The wheel that pip makes of the source archive; built inside its tree, so that ccache sees the same paths each time."""
    directory = tmp_path_factory.mktemp("wheel")
    make_wheel(sdist, directory, "--config-settings=build-dir=build")
    (made,) = directory.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def venv(wheel, tmp_path_factory):
    """A virtual environment with clutch by pip and two packages; nothing activates it."""
    directory = tmp_path_factory.mktemp("environment") / "venv"
    stdlib_venv.create(directory, with_pip=False, symlinks=True)
    pip("--python", directory / "bin" / "python", "install", "--no-index", "--no-deps", wheel)
    (packages,) = directory.glob("lib/python3.*/site-packages")
    (packages / "only_here_framework.py").write_text(FRAMEWORK, encoding="utf-8")
    (packages / "shop.py").write_text(SHOP, encoding="utf-8")
    return directory


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """What `cmake --install --prefix` makes of the build under test."""
    directory = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", build_directory(), "--prefix", directory)
    return directory


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The Debian package, made with the system's Python."""
    return make_package(tmp_path_factory.mktemp("package"))


@pytest.fixture
def serve(monkeypatch):
    """serve(program, app, *options, ...) -> Server that is ready, of that program; ended and checked after the test."""
    started = []

    def start(program, app, *options, **keywords) -> Server:
        monkeypatch.setenv("CLUTCH_BINARY", str(program))
        started.append(Server(app, *options, **keywords))
        return started[-1].wait_ready()

    yield start
    for server in started:
        server.finish()
