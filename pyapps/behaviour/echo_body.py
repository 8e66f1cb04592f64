# SPDX-License-Identifier: MIT
"""Reads the request body as ?calls= says and answers with what every call returned, as JSON.

calls is a list parted by commas: read, read:N, read:None, readline, readline:N, readlines, readlines:N, iterate, next.
Results are lists of [type, text in latin-1]; an exception is reported as ["raised", its name]. /raw sends the body
back."""

from tools import PLAIN, json_reply, query


def describe(result):
    if isinstance(result, list):
        return [describe(item) for item in result]
    return [type(result).__name__, result.decode("latin-1") if isinstance(result, bytes) else repr(result)]


def run_call(stream, call):
    name, _, argument = call.partition(":")
    arguments = [] if not argument else [None if argument == "None" else int(argument)]
    if name == "iterate":
        return list(stream)
    if name == "next":
        return next(iter(stream))
    return getattr(stream, name)(*arguments)


def describe_call(stream, call):
    try:
        return describe(run_call(stream, call))
    except Exception as error:
        return ["raised", type(error).__name__]


def application(environ, start_response):
    stream = environ["wsgi.input"]
    if environ["PATH_INFO"].startswith("/raw"):
        body = stream.read()
        start_response("200 OK", PLAIN + [("Content-Length", str(len(body)))])
        return [body]
    calls = query(environ).get("calls", "read").split(",")
    return json_reply(start_response, [describe_call(stream, call) for call in calls])
