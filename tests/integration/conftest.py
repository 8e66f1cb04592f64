# SPDX-License-Identifier: MIT
"""Fixtures of the integration tests: servers that are checked when their test (or module) ends."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support import upgrades  # noqa: E402
from support.crew import Crew  # noqa: E402
from support.server import BEHAVIOUR, Server, find_binary  # noqa: E402
from support.users import copy_library, public_folder  # noqa: E402
from support.waiting import Gate  # noqa: E402

# Servers that run at the moment: their output is added to the report of a failed test.
running: list[Server] = []


def pytest_configure(config):
    binary = find_binary()
    if not os.access(binary, os.X_OK):
        raise pytest.UsageError(f"no program at {binary}: build it first, or set CLUTCH_BINARY")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for server in running:
            report.sections.append(("clutch", server.describe()))
    return report


def make_starter():
    """Returns start(app, *options, ...) -> Server, and finish() which ends and checks all that it started."""
    started: list[Server] = []

    def start(app, *options, ready: bool = True, **keywords) -> Server:
        server = Server(app, *options, **keywords)
        started.append(server)
        running.append(server)
        return server.wait_ready() if ready else server

    def finish() -> None:
        mistakes = []
        for server in started:
            try:
                server.finish()
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:  # the others are ended all the same
                mistakes.append(f"{error}\n{server.describe()}")
            finally:
                running.remove(server)
        assert not mistakes, "\n\n".join(mistakes)

    return start, finish


@pytest.fixture
def start():
    """start(app, *options, ready=True, ...): starts a server for one test. See support/server.py."""
    start_server, finish = make_starter()
    yield start_server
    finish()


@pytest.fixture
def public_router():
    """What serves the router where everybody may read it, with a Python that everybody may read: for --user."""
    with public_folder() as folder:
        behaviour = shutil.copytree(BEHAVIOUR, folder / "behaviour", ignore=shutil.ignore_patterns("__pycache__"))
        yield ("router", "--pythonpath", behaviour), {"PYTHONHOME": str(copy_library(folder))}


@pytest.fixture
def start_as_nobody(public_router, start):
    """start_as_nobody(*options, ...): serves the router as that user."""
    arguments, environment = public_router

    def start_it(*options, **keywords) -> Server:
        return start(*arguments, "--user", "nobody", *options, environment=environment, **keywords)

    return start_it


@pytest.fixture(scope="module")
def start_module():
    """The same for servers that all tests of a module share."""
    start_server, finish = make_starter()
    yield start_server
    finish()


@pytest.fixture(scope="module")
def behaviours(start_module):
    """One worker that serves all applications of pyapps/behaviour, shared by the tests of a module."""
    return start_module("router", "--pythonpath", BEHAVIOUR)


@pytest.fixture
def record(behaviours):
    """Returns a function that gives what the applications noted since the test began, each as [name, details]."""
    behaviours.request("/record/")
    return lambda: behaviours.request("/record/").json()


@pytest.fixture
def gate(tmp_path):
    """A gate for one application to wait at; given up at the end of the test."""
    made = Gate(tmp_path)
    yield made
    made.release()


@pytest.fixture
def start_crew(start, tmp_path):
    """start_crew(*options, workers=2, ...) -> Crew: a server whose workers the test can hold. At the end nobody is held
    any more, and no request has been run twice."""
    crews: list[Crew] = []

    def start_one(*options, **keywords) -> Crew:
        directory = tmp_path / f"crew-{len(crews)}"
        directory.mkdir()
        server = start("router", "--pythonpath", BEHAVIOUR, *options, **{"workers": 2, **keywords})
        crews.append(Crew(server, directory))
        return crews[-1]

    yield start_one
    for crew in crews:
        crew.give_up()
        crew.ledger.check_none_twice()


@pytest.fixture
def write(request, tmp_path):
    """write(version, before=""): writes shop.py anew, from APPLICATION of the test's module."""

    def write_application(version: str = "first", before: str = "") -> None:
        other = tmp_path / "shop.py.new"
        other.write_text(request.module.APPLICATION.format(version=version, before=before))
        other.rename(tmp_path / "shop.py")  # a worker that loads it meanwhile finds the old or the new one

    return write_application


@pytest.fixture
def serve_shop(start, write, tmp_path):
    """serve_shop(*options, workers=2, ...): starts what write() writes. At the end whichever master serves then, after
    upgrades, is stopped."""
    servers: list[Server] = []

    def serve_application(*options, **keywords) -> Server:
        write()
        made = start("shop", "--pythonpath", tmp_path, *options, **{"workers": 2, **keywords})
        servers.append(made)
        return made

    yield serve_application
    for server in servers:
        upgrades.end(server)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A copy of clutch that the test may replace; it finds its Python as the other does."""
    made = tmp_path / "clutch"
    shutil.copy2(find_binary(), made)
    monkeypatch.setenv("CLUTCH_BINARY", str(made))
    return made


@pytest.fixture(scope="session")
def app_venv():
    """The virtual environment with the frameworks, of the Python that clutch was built with: $CLUTCH_TEST_VENV."""
    path = os.environ.get("CLUTCH_TEST_VENV")
    assert path, "CLUTCH_TEST_VENV must name a virtual environment with tests/requirements.txt installed"
    assert os.path.exists(os.path.join(path, "pyvenv.cfg")), f"CLUTCH_TEST_VENV: no virtual environment at {path}"
    return path


@pytest.fixture(scope="session")
def is_sanitized() -> bool:
    """Whether memory cannot be measured: sanitizers keep what is freed, and Python is told to use malloc, which does
    not count."""
    with open(find_binary(), "rb") as program:
        return b"__asan_init" in program.read()
