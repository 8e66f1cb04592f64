# SPDX-License-Identifier: MIT
"""The documents are true: every command that they show is run, every link leads somewhere."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from docs_support.unrunnable import the_binary  # noqa: E402


@pytest.fixture(scope="session")
def binary():
    """The clutch that the documents' commands run."""
    path = pathlib.Path(the_binary())
    if not os.access(path, os.X_OK):
        pytest.fail(f"no program at {path}: build it first, or set CLUTCH_BINARY")
    return path
