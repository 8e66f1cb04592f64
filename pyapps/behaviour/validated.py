# SPDX-License-Identifier: MIT
"""A small application between wsgiref's validator and the server: any breach of PEP 3333 raises AssertionError.

/read reads the body and sends it back, /write uses write(), /generator yields, /errors writes to wsgi.errors."""

from wsgiref.validate import validator

from tools import PLAIN, dispatch


def read(environ, start_response):
    body = environ["wsgi.input"].read(-1)
    start_response("200 OK", PLAIN + [("Content-Length", str(len(body)))])
    return [body]


def read_lines(environ, start_response):
    lines = environ["wsgi.input"].readlines()
    start_response("200 OK", PLAIN)
    return lines or [b"no lines"]


def iterate(environ, start_response):
    lines = list(environ["wsgi.input"])
    start_response("200 OK", PLAIN)
    return lines or [b"no lines"]


def use_write(environ, start_response):
    write = start_response("200 OK", PLAIN)
    write(b"written")
    return []


def generate(environ, start_response):
    start_response("200 OK", PLAIN)
    return iter([b"one ", b"two"])


def use_errors(environ, start_response):
    environ["wsgi.errors"].write("validated: a line\n")
    environ["wsgi.errors"].flush()
    environ["wsgi.errors"].writelines(["validated: another line\n"])
    start_response("204 No Content", [])
    return []


PATHS = {
    "read": read,
    "lines": read_lines,
    "iterate": iterate,
    "write": use_write,
    "generator": generate,
    "errors": use_errors,
}


@validator
def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
