# SPDX-License-Identifier: MIT
"""Sends its body through the write() that start_response returns; the path says how."""

from tools import PLAIN, dispatch, note, query, wait_at


def only_write(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"first ")
    write(b"second")
    return []


def write_then_blocks(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"written ")
    return [b"returned ", b"twice"]


def write_with_length(environ, start_response):
    write = start_response("200 OK", PLAIN + [("Content-Length", "10")])
    write(b"01234")
    write(b"56789")
    return []


def write_too_much(environ, start_response):
    write = start_response("200 OK", PLAIN + [("Content-Length", "5")])
    try:
        write(b"0123456789")
    except Exception as error:
        note("raised", kind=type(error).__name__)
    return []


def write_gated(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"before ")
    wait_at(query(environ)["gate"])
    write(b"after")
    return []


def write_wrong_types(environ, start_response):
    write = start_response("200 OK", PLAIN)
    for value in ("text", bytearray(b"array"), memoryview(b"view"), None, 1):
        try:
            write(value)
            note("accepted", kind=type(value).__name__)
        except TypeError:
            note("refused", kind=type(value).__name__)
    write(b"good")
    return []


def write_empty(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"")
    write(b"body")
    write(b"")
    return [b""]


PATHS = {
    "only": only_write,
    "then-blocks": write_then_blocks,
    "length": write_with_length,
    "too-much": write_too_much,
    "gated": write_gated,
    "types": write_wrong_types,
    "empty": write_empty,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
