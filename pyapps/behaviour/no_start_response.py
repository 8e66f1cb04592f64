# SPDX-License-Identifier: MIT
"""Leaves start_response out (/body, /empty, /generator) or calls it late: in the first next() (/first-next), after an
empty block (/after-empty), or not before a block with bytes (/too-late)."""

from tools import PLAIN, dispatch


def late(blocks_before):
    def answer(environ, start_response):
        yield from blocks_before
        start_response("200 OK", PLAIN)
        yield b"late"

    return answer


PATHS = {
    "body": lambda environ, start_response: [b"a body without a head"],
    "empty": lambda environ, start_response: [],
    "generator": lambda environ, start_response: iter([b"a body ", b"without a head"]),
    "first-next": late([]),
    "after-empty": late([b"", b""]),
    "too-late": late([b"early "]),
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
