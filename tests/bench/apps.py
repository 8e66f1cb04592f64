# SPDX-License-Identifier: MIT
"""The applications that every server of the benchmark runs: one callable for each workload, so that none pays for choosing. Lengths are
declared where the application has to (a server that cannot tell the end otherwise would be measured by its waits)."""

import time

HELLO = b"Hello, world!\n"
MEBIBYTE = b"x" * (1 << 20)
BLOCK = b"x" * (16 << 10)
BLOCKS = 64


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    return [HELLO]


def post(environ, start_response):
    """Reads the body whole and answers its length."""
    answer = b"%d\n" % len(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]


def mebibyte(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(MEBIBYTE)))])
    return [MEBIBYTE]


def generator(environ, start_response):
    """64 blocks of 16 KiB, of which the server does not know how many there are."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return (BLOCK for _ in range(BLOCKS))


def mixed(environ, start_response):
    """/sleep?SECONDS waits without the GIL, /spin?SECONDS computes with it, anything else answers at once."""
    path = environ["PATH_INFO"]
    if path == "/sleep":
        time.sleep(float(environ["QUERY_STRING"]))
    elif path == "/spin":
        end = time.perf_counter() + float(environ["QUERY_STRING"])
        while time.perf_counter() < end:
            pass
    return hello(environ, start_response)
