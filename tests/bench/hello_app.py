# SPDX-License-Identifier: MIT
"""The smallest application that every server answers in the same way: the length is declared, so nobody has to guess."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "14")])
    return [b"Hello, world!\n"]
