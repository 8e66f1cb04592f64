# SPDX-License-Identifier: MIT
"""Answers with environ as JSON: {key: [type of the value, the value or its repr]}, and what is odd about environ
itself."""

from tools import json_reply


def describe(value):
    if isinstance(value, (str, bool, int, type(None))):
        return [type(value).__name__, value]
    if isinstance(value, tuple):
        return ["tuple", list(value)]
    return [type(value).__name__, repr(value)]


def application(environ, start_response):
    report = {
        "type": type(environ).__name__ if type(environ) is dict else repr(type(environ)),
        "odd_keys": [repr(key) for key in environ if type(key) is not str],
        "environ": {key: describe(value) for key, value in environ.items()},
    }
    environ.clear()
    return json_reply(start_response, report)
