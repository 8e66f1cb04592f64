# SPDX-License-Identifier: MIT
"""A WSGI application that says in its status what it has been asked, and writes it down: every request that a server
executes is a line "METHOD path bytes-of-body" in the file $TELLER_FILE."""

import os

MARKER = "/differential-marker"
STATUSES = {MARKER: 299, "/smuggled": 298}


def application(environ, start_response):
    path = environ["PATH_INFO"]
    body = environ["wsgi.input"].read()
    with open(os.environ["TELLER_FILE"], "ab", buffering=0) as file:
        file.write(f"{environ['REQUEST_METHOD']} {path!a} {len(body)}\n".encode("ascii"))
    reason = f"number {environ.get('QUERY_STRING')}" if path == MARKER else f"{len(body)}"
    start_response(f"{STATUSES.get(path, 200)} {reason}", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
