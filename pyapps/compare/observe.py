# SPDX-License-Identifier: MIT
"""A WSGI application around another one: tells in a response field who ran the request, and when.

A server imports it as compare.observe:application. The application inside is the one that COMPARE_APP names:
MODULE[:CALLABLE] or FILE.py[:CALLABLE], where a callable that is not said is `application`, else `app`, as with clutch.
It is loaded at import, so that its traceback is in the log of a server that does not start.

The field X-Compare-Stamp holds four numbers: process id, thread id, begin and end of the request in the application, in
microseconds since the epoch (the wall clock, which the client reads too). A header field leaves before the body, so the
end can be in it only when the body is complete: the wrapper consumes the application's iterable into one block and only
then passes on the status. The other way, reporting the end apart (a file, a second request), would cost work while
others are being measured. The price: nothing is streamed, a body lies in memory whole, wsgi.file_wrapper is not
offered, and a body whose length the application does not declare gets it declared (a server that cannot tell the end
otherwise would be measured by its waits). The time in the application is what clutch's log calls `app`: the call and
its blocks.

A request with the field X-Compare-Probe is answered at once, without calling the application: is this worker ready?"""

import importlib
import importlib.machinery
import importlib.util
import os
import pathlib
import sys
import threading
import time

APP_VARIABLE = "COMPARE_APP"
STAMP_FIELD = "X-Compare-Stamp"
PROBE_FIELD = "X-Compare-Probe"
PROBE_KEY = "HTTP_" + PROBE_FIELD.upper().replace("-", "_")
CALLABLES = ("application", "app")
PROBE_BODY = b"ready\n"
BODILESS = ("1", "204", "304")
LENGTH_FIELDS = ("content-length", "transfer-encoding")
NS_PER_US = 1000


def load(name):
    """Returns the application that `name` stands for: MODULE, MODULE:CALLABLE, FILE.py or FILE.py:CALLABLE; names may
    be dotted. Looks for modules in the current directory first, for what a file imports in the file's. ImportError when
    there is none; what the application itself raises passes through."""
    target, callable_name = split(name)
    if target.endswith(".py") or "/" in target:
        module = load_file(pathlib.Path(target).absolute())
    else:
        sys.path.insert(0, os.getcwd())
        module = importlib.import_module(target)
    for candidate in [callable_name] if callable_name else CALLABLES:
        found = module
        for part in candidate.split("."):
            found = getattr(found, part, None)
        if callable(found):
            return found
    wanted = f"'{callable_name}'" if callable_name else " or ".join(f"'{candidate}'" for candidate in CALLABLES)
    raise ImportError(f"{target} has no {wanted} that can be called")


def split(name):
    """Returns (target, callable or ""): the last colon parts them, unless a '/' follows it."""
    target, colon, callable_name = name.rpartition(":")
    return (target, callable_name) if colon and "/" not in callable_name else (name, "")


def load_file(path):
    """Returns a file as a module, under its own name when that is free."""
    name = path.stem if path.stem not in sys.modules else f"compare_app_{path.stem}"
    spec = importlib.util.spec_from_file_location(
        name, path, loader=importlib.machinery.SourceFileLoader(name, str(path))
    )
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class Response:
    """What the application says of one response, kept until its body is complete; its start_response is `start`."""

    def __init__(self):
        self.begun_us = now_us()
        self.status, self.fields, self.blocks = None, [], []

    def start(self, status, fields, exc_info=None):
        """Returns write(). A second call needs exc_info, which is raised when a part of the body was there already: a
        server without this wrapper would have sent the head by then."""
        if exc_info:
            try:
                if any(self.blocks):
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no cycle through the frames of the traceback
        elif self.status is not None:
            raise AssertionError("start_response() was called twice without exc_info")
        self.status, self.fields = status, list(fields)
        return self.blocks.append

    def consume(self, iterable):
        """Takes all blocks of the body, and closes it in any case."""
        try:
            for block in iterable:
                if block and self.status is None:
                    raise AssertionError("the application sent a part of its body before it called start_response()")
                self.blocks.append(block)
            if self.status is None:
                raise AssertionError("the application did not call start_response()")
            self.end_us = now_us()
        finally:
            if hasattr(iterable, "close"):
                iterable.close()

    def pass_on(self, start_response, method):
        """Starts the response for the server; returns its body."""
        body = b"".join(self.blocks)
        if (
            method != "HEAD"
            and not self.status.startswith(BODILESS)
            and not any(name.lower() in LENGTH_FIELDS for name, _ in self.fields)
        ):
            self.fields.append(("Content-Length", str(len(body))))
        self.fields.append((STAMP_FIELD, f"{os.getpid()} {threading.get_ident()} {self.begun_us} {self.end_us}"))
        start_response(self.status, self.fields)
        return [body]


def now_us():
    """Returns the wall clock in microseconds since the epoch."""
    return time.time_ns() // NS_PER_US


def probe(_environ, start_response):
    """Answers that this worker is ready."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(PROBE_BODY)))])
    return [PROBE_BODY]


def observe(inside):
    """Returns the WSGI application around the WSGI application `inside`."""

    def observed(environ, start_response):
        response = Response()
        answer = probe if environ.get(PROBE_KEY) else inside
        offered = {
            key: value for key, value in environ.items() if key != "wsgi.file_wrapper"
        }  # servers miss it in their own dict
        response.consume(answer(offered, response.start))
        return response.pass_on(start_response, environ["REQUEST_METHOD"])

    return observed


# Only servers set it; whoever imports this module for its names loads no application.
if APP_VARIABLE in os.environ:
    application = observe(load(os.environ[APP_VARIABLE]))
