# SPDX-License-Identifier: MIT
"""Yields ?blocks= blocks of ?size= bytes from a generator; ?length=yes declares the whole; ?gate= is waited at before
each block but the first."""

from tools import PLAIN, number, query, wait_at


def blocks(count, size, gate):
    for i in range(count):
        if i > 0:
            wait_at(gate)
        yield bytes([ord("a") + i % 26]) * size


def application(environ, start_response):
    options = query(environ)
    count, size = number(environ, "blocks", 3), number(environ, "size", 4)
    length = [("Content-Length", str(count * size))] if options.get("length") == "yes" else []
    start_response("200 OK", PLAIN + length)
    return blocks(count, size, options.get("gate"))
