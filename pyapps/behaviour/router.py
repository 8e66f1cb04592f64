# SPDX-License-Identifier: MIT
"""Serves every application of this folder at once: /close/generator asks close.py for /generator.

It hands environ, start_response and the result through untouched, so each application behaves as if it were served
alone."""

import importlib
import pathlib
from wsgiref.util import shift_path_info

NAMES = frozenset(path.stem for path in pathlib.Path(__file__).parent.glob("*.py")) - {"router", "tools"}


def application(environ, start_response):
    name = shift_path_info(environ)
    if name not in NAMES:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such behaviour\n"]
    return importlib.import_module(name).application(environ, start_response)
