# SPDX-License-Identifier: MIT
"""What the applications of this folder share: reading the query, answering, waiting for the test, noting what
happened."""

import json
from urllib.parse import parse_qsl

PLAIN = [("Content-Type", "text/plain")]

# What happened in this process since record.py was last asked, in order: [name, details].
events = []


def note(name, **details):
    events.append([name, details])


def query(environ):
    """Returns the query as a dict of str; bytes that are not UTF-8 come back as surrogates."""
    return dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="surrogateescape"))


def number(environ, name, default=0):
    return int(query(environ).get(name, default))


def text_reply(start_response, text, status="200 OK"):
    start_response(status, PLAIN)
    return [text.encode()]


def json_reply(start_response, value, status="200 OK"):
    body = json.dumps(value).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def wait_at(path):
    """Waits at a named pipe until whoever opened its other end writes to it or closes it."""
    if path:
        with open(path, "rb") as gate:
            gate.read(1)


def dispatch(paths, environ, start_response):
    """Calls the function that `paths` names for this request's path, or answers 404."""
    handler = paths.get(environ["PATH_INFO"].strip("/"))
    if handler is None:
        return text_reply(start_response, "no such path\n", "404 Not Found")
    return handler(environ, start_response)
