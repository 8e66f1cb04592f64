# SPDX-License-Identifier: MIT
"""Writes a line to the file ?log= when it begins ?id= and when it ends; between them it reads the body, waits at ?gate=
and sleeps ?us= microseconds. Answers with the id, the process and what came of the body, as JSON, or with ?blocks=
blocks of ?size= bytes from a generator."""

import hashlib
import os
import time

from tools import PLAIN, json_reply, number, query, wait_at


def write_line(options, word):
    """One write to a file opened for appending: lines of several processes do not mix."""
    if "log" in options:
        fd = os.open(options["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(fd, f"{options['id']} {word} {os.getpid()}\n".encode())
        os.close(fd)


def blocks(options, count, size):
    try:
        for i in range(count):
            yield bytes([ord("a") + i % 26]) * size
    finally:
        write_line(options, "end")


def application(environ, start_response):
    options = query(environ)
    write_line(options, "begin")
    body = environ["wsgi.input"].read()
    wait_at(options.get("gate"))
    if "us" in options:
        time.sleep(number(environ, "us") / 1_000_000)
    if "blocks" in options:
        start_response("200 OK", PLAIN)
        return blocks(options, number(environ, "blocks"), number(environ, "size", 10))
    write_line(options, "end")
    answer = {"id": options.get("id"), "pid": os.getpid(), "size": len(body), "hash": hashlib.sha256(body).hexdigest()}
    return json_reply(start_response, answer)
