# SPDX-License-Identifier: MIT
"""Answers with ?size= bytes of a repeating pattern, in one block (/list) or in blocks of 64 KiB (/generator)."""

from tools import PLAIN, number

BLOCK = bytes(range(256)) * 256


def pattern(size):
    return (BLOCK * (size // len(BLOCK) + 1))[:size]


def generate(size):
    while size > 0:
        yield BLOCK[:size]
        size -= len(BLOCK)


def application(environ, start_response):
    size = number(environ, "size", 1 << 20)
    start_response("200 OK", PLAIN)
    return generate(size) if environ["PATH_INFO"].endswith("/generator") else [pattern(size)]
