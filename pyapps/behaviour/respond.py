# SPDX-License-Identifier: MIT
"""Calls start_response with what the query says: ?status=, ?headers= (JSON list of pairs), ?body=.

Answers with that response; when start_response refuses, notes the exception and answers 200 with its name through a
second call with exc_info. ?as=tuple, list-pairs, bytes-status, bytes-value and too-few change the shape of the call.
"""

import json
import sys

from tools import PLAIN, note, query


def shape_headers(options):
    headers = [tuple(pair) for pair in json.loads(options.get("headers", "[]"))]
    if options.get("as") == "tuple":
        return tuple(headers)
    if options.get("as") == "list-pairs":
        return [list(pair) for pair in headers]
    return headers


def call(start_response, options):
    status, headers = options.get("status", "200 OK"), shape_headers(options)
    if options.get("as") == "bytes-status":
        return start_response(status.encode(), headers)
    if options.get("as") == "bytes-value":
        return start_response(status, [(name, value.encode()) for name, value in headers])
    if options.get("as") == "too-few":
        return start_response(status)
    return start_response(status, headers)


def application(environ, start_response):
    options = query(environ)
    try:
        call(start_response, options)
    except Exception as error:
        note("refused", kind=type(error).__name__, message=str(error))
        start_response("200 OK", PLAIN + [("X-Refused", type(error).__name__)], sys.exc_info())
        return [b"refused"]
    return [options.get("body", "body").encode("utf-8", "surrogateescape")]
