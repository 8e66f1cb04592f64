# SPDX-License-Identifier: MIT
"""Writes to wsgi.errors: /write, /lines (writelines), /odd (characters that no encoding likes), /print, /long."""

from tools import dispatch, text_reply


def write(environ, start_response):
    environ["wsgi.errors"].write("errors: written\n")
    environ["wsgi.errors"].flush()
    return text_reply(start_response, "done")


def write_lines(environ, start_response):
    environ["wsgi.errors"].writelines(["errors: first\n", "errors: second\n"])
    return text_reply(start_response, "done")


def write_odd(environ, start_response):
    environ["wsgi.errors"].write("errors: \u00e9 \u20ac \udc80 end\n")
    return text_reply(start_response, "done")


def print_to(environ, start_response):
    print("errors:", "printed", 1, file=environ["wsgi.errors"])
    return text_reply(start_response, "done")


PATHS = {"write": write, "lines": write_lines, "odd": write_odd, "print": print_to}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
