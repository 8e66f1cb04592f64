# SPDX-License-Identifier: MIT
"""Tells what the modules of the server have: the names, parameters of functions, methods of classes."""

import inspect
import json
import types

import clutch
import clutch.metrics


def describe(value):
    if isinstance(value, type) and issubclass(value, tuple):
        return {name: None for name in ("queue", "gil_wait", "app", "write") if hasattr(value, name)}
    if isinstance(value, type) and issubclass(value, BaseException):
        return {}
    if isinstance(value, type):
        return names_of(value)
    if callable(value):
        return sorted(name for name in inspect.signature(value).parameters if name != "self")
    return None


def names_of(thing):
    return {
        name: describe(getattr(thing, name))
        for name in dir(thing)
        if not name.startswith("_") and not isinstance(getattr(thing, name), types.ModuleType)
    }


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({module.__name__: names_of(module) for module in (clutch, clutch.metrics)}).encode()]
