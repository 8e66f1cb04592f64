# SPDX-License-Identifier: MIT
"""Redis, Celery and clutch for one test: the real ones, private to it, ended by their pids."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "pyapps"), str(HERE.parent / "integration")]

from offload import parts  # noqa: E402
from stack import Stack, find_binary  # noqa: E402

running = []


def pytest_configure(config):
    if not os.access(find_binary(), os.X_OK):
        raise pytest.UsageError(f"no program at {find_binary()}: build it first (setup/build release), or set CLUTCH_BINARY")


@pytest.fixture(scope="session", autouse=True)
def check_installed():
    """A test that cannot run has failed; it says what to install."""
    try:
        parts.find_redis()
        parts.find_python(pathlib.Path(sys.prefix))
    except parts.Missing as error:
        pytest.fail(str(error))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for stack in running:
            report.sections += [(part.log.name, parts.last_lines(part, 40)) for part in stack.servers if part.log.exists()]
    return report


@contextlib.contextmanager
def stopped_at_the_end(directory):
    started = []

    def make(**settings) -> Stack:
        stack = Stack(directory, **settings)
        started.append(stack)
        running.append(stack)
        return stack.start()

    try:
        yield make
    finally:
        for stack in started:
            stack.stop()
            running.remove(stack)


@pytest.fixture
def make_stack(tmp_path):
    """make_stack(concurrency=..., workers=..., ...) -> Stack, all of it running."""
    with stopped_at_the_end(tmp_path) as make:
        yield make


@pytest.fixture(scope="module")
def module_stack(tmp_path_factory):
    with stopped_at_the_end(tmp_path_factory.mktemp("stack")) as make:
        yield make(concurrency=1, workers=2)


@pytest.fixture
def stack(module_stack):
    """One job at a time, two workers of clutch; shared by the tests of a file that leave all parts running."""
    yield module_stack
    module_stack.finish_all()
