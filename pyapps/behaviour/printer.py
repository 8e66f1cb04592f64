# SPDX-License-Identifier: MIT
"""Prints: /lines?count=&size=&tag= whole lines, /partial a line without its end, /error the same to standard error,
/both one line to each, /bytes below the text layer, /odd characters that no encoding likes."""

import os
import sys

from tools import dispatch, number, query, text_reply


def print_lines(environ, start_response):
    size, tag = number(environ, "size", 20), query(environ).get("tag", "x")
    for i in range(number(environ, "count", 1)):
        print(f"line {tag} {i} " + tag * size + " end")
    return text_reply(start_response, "printed")


def print_partial(environ, start_response):
    print(f"partial {query(environ).get('tag', 'x')}", end="")
    return text_reply(start_response, "printed")


def print_error(environ, start_response):
    print(f"to stderr {query(environ).get('tag', 'x')}", file=sys.stderr)
    return text_reply(start_response, "printed")


def print_both(environ, start_response):
    print("both out")
    print("both err", file=sys.stderr)
    return text_reply(start_response, "printed")


def print_bytes(environ, start_response):
    os.write(1, b"raw out\n")
    os.write(2, b"raw err\n")
    return text_reply(start_response, "printed")


def print_odd(environ, start_response):
    print("odd \u00e9\u20ac\udcff end")
    return text_reply(start_response, "printed")


def read_stdin(environ, start_response):
    try:
        return text_reply(start_response, repr(sys.stdin.read() if sys.stdin is not None else ""))
    except (OSError, ValueError) as error:
        return text_reply(start_response, type(error).__name__)


PATHS = {
    "lines": print_lines,
    "partial": print_partial,
    "error": print_error,
    "both": print_both,
    "bytes": print_bytes,
    "odd": print_odd,
    "stdin": read_stdin,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
