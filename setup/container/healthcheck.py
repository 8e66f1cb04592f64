# SPDX-License-Identifier: MIT
"""The image's HEALTHCHECK: exit status 0 when the server at the first address of CLUTCH_BIND is well, else 1 and a reason.

By default it only connects, because a request would cost an application whose every answer takes long one of its workers. With
HEALTHCHECK_PATH=/some/path it asks for that path and expects a status below 400.
"""
import http.client
import os
import socket
import sys

TIMEOUT_S = 4


def connect(bind):
    if bind.startswith("unix:"):
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        unix.settimeout(TIMEOUT_S)
        unix.connect(bind[len("unix:"):])
        return unix
    host, _, port = bind.rpartition(":")
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    return socket.create_connection((host, int(port)), TIMEOUT_S)


def check(bind, path):
    """Returns None, or what is wrong."""
    with connect(bind) as connection:
        if path is None:
            return None
        client = http.client.HTTPConnection("localhost")
        client.sock = connection
        client.request("GET", path, headers={"User-Agent": "healthcheck", "Connection": "close"})
        status = client.getresponse().status
        return None if status < 400 else "GET {} is answered with {}".format(path, status)


def main():
    bind = os.environ.get("CLUTCH_BIND", "127.0.0.1:8000").split(",")[0].strip()
    try:
        problem = check(bind, os.environ.get("HEALTHCHECK_PATH"))
    except (OSError, ValueError, http.client.HTTPException) as error:
        problem = "{}: {!r}".format(bind, error)
    if problem:
        print(problem)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
