# SPDX-License-Identifier: MIT
"""Answers every request, whatever its path, with what arrived: {"environ": the CGI variables, "body": latin-1 text}."""

from tools import json_reply


def application(environ, start_response):
    body = environ["wsgi.input"].read()
    return json_reply(
        start_response,
        {
            "environ": {key: value for key, value in environ.items() if isinstance(value, str)},
            "body": body.decode("latin-1"),
        },
    )
