# SPDX-License-Identifier: MIT
"""Fixtures of the tests of the documents; a module imports those that it uses."""

import os
import pathlib

import pytest

from docs_support.unrunnable import the_binary


@pytest.fixture(scope="session")
def binary():
    """The clutch that the documents' commands run."""
    path = pathlib.Path(the_binary())
    if not os.access(path, os.X_OK):
        pytest.fail(f"no program at {path}: build it first, or set CLUTCH_BINARY")
    return path
