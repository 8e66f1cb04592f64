# SPDX-License-Identifier: MIT
"""Requests that do not come to an end, each in another way: `/way?key=value`. `?seconds=` says how long it would take
by itself; those that catch clutch.RequestTimeout print what they saw."""

import ctypes
import hashlib
import os
import re
import signal
import sys
import threading
import time
import urllib.parse

import clutch

lock = threading.Lock()
lock.acquire()


def sleep(query):
    time.sleep(float(query.get("seconds", 3600)))


def spin(query):
    """A loop in Python."""
    end = time.monotonic() + float(query.get("seconds", 3600))
    while time.monotonic() < end:
        pass


def wait(query):
    """For a lock that nobody will release."""
    lock.acquire()


def match(query):
    """A regular expression that tries for years, in C, with the GIL."""
    re.match(r"(a+)+$", "a" * 64 + "b")


def digest(query):
    """In C, without the GIL."""
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", int(query.get("rounds", 20_000_000)))


def add(query):
    """In C, with the GIL, and deaf to signals."""
    sum(range(10**13))


def clean(query):
    try:
        time.sleep(3600)
    except clutch.RequestTimeout:
        print("clean: caught", flush=True)
        raise


def swallow(query):
    try:
        time.sleep(3600)
    except clutch.RequestTimeout:
        print("swallow: caught", flush=True)


def swallow_on(query):
    """Swallows it, and goes on as if nothing had been."""
    swallow(query)
    time.sleep(3600)


def exception(query):
    """What catches every Exception does not catch this one."""
    try:
        time.sleep(3600)
    except Exception:  # noqa: BLE001
        print("exception: caught", flush=True)


def crash(query):
    ctypes.string_at(0)


def die(query):
    os.kill(os.getpid(), signal.SIGKILL)


def stream(start_response, query):
    headers = [("Content-Length", "1000000")] if "length" in query else []
    start_response("200 OK", [("Content-Type", "text/plain"), *headers])
    yield b"first\n"
    sleep(query)
    yield b"last\n"


def flood(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"x" * 65536
    print("flood: entered", flush=True)
    while True:
        yield b"x" * 64_000_000  # more than sockets keep: this one is never sent whole


def write_on(start_response, query):
    """Goes on writing after the exception."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        time.sleep(3600)
    except clutch.RequestTimeout:
        try:
            write(b"too late")
        except OSError as error:
            print(f"write_on: {type(error).__name__}", flush=True)
    return [b"too late as well"]


class Closing:
    def __iter__(self):
        yield b"first\n"
        time.sleep(3600)

    def close(self):
        print("closing: closed", flush=True)


class Final:
    """Python keeps what is raised in here to itself, and goes on."""

    def __del__(self):
        time.sleep(3600)


def final(query):
    """The request ends behind it."""
    Final()
    print("final: goes on", flush=True)


def final_on(query):
    """And here it does not."""
    final(query)
    time.sleep(3600)


class Measured:
    """The server asks how long it is."""

    def __len__(self):
        time.sleep(3600)

    def __iter__(self):
        print("measured: goes on", flush=True)
        return iter([b"late\n"])


class Reads:
    """The server looks whether it is a file."""

    @property
    def read(self):
        time.sleep(3600)
        raise AttributeError("read")


class Broken:
    """Fails, and is not done with that."""

    def __iter__(self):
        raise ValueError("broken")

    def close(self):
        time.sleep(3600)


class Late:
    """Everything has been sent when it hangs."""

    def __iter__(self):
        yield b"all of it\n"

    def close(self):
        time.sleep(3600)


ways = {
    way.__name__: way
    for way in (sleep, spin, wait, match, digest, add, clean, swallow, swallow_on, exception, crash, die, final, final_on)
}


def application(environ, start_response):
    name = environ["PATH_INFO"].strip("/")
    query = dict(urllib.parse.parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
    environ["wsgi.errors"].flush()
    if name == "stream":
        return stream(start_response, query)
    if name == "flood":
        return flood(start_response)
    if name == "write_on":
        return write_on(start_response, query)
    if name == "measured":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Measured()
    if name == "reads":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](Reads())
    if name == "broken":
        return Broken()
    if name == "closing":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Closing()
    if name == "late":
        headers = [("Content-Length", "10")] if "length" in query else []
        start_response("200 OK", [("Content-Type", "text/plain"), *headers])
        return Late()
    if name in ways:
        print(f"{name}: entered", file=sys.stdout, flush=True)
        ways[name](query)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done\n"]
