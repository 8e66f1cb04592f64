# SPDX-License-Identifier: MIT
"""Keeps what belongs to one request and uses it in a later one: /keep, then /environ, /input, /start-response, /write.
Each answers with what came of it, as JSON."""

from tools import dispatch, json_reply

kept = {}


def keep(environ, start_response):
    write = json_reply_with_write(start_response)
    kept.update(environ=environ, input=environ["wsgi.input"], start_response=start_response, write=write)
    return [b"kept"]


def json_reply_with_write(start_response):
    return start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])


def attempt(action):
    """Returns what an action on a kept object gave, or which exception it raised."""
    try:
        result = action()
    except Exception as error:
        return ["raised", type(error).__name__]
    return ["returned", result.decode("latin-1") if isinstance(result, bytes) else repr(result)]


def use_environ(environ, start_response):
    old = kept["environ"]
    return json_reply(
        start_response,
        {
            "same": old is environ,
            "query": old.get("QUERY_STRING"),
            "method": old.get("REQUEST_METHOD"),
            "has_input": "wsgi.input" in old,
        },
    )


def use_input(environ, start_response):
    old = kept["input"]
    return json_reply(start_response, [attempt(action) for action in (old.read, old.readline, lambda: old.read(5))])


def use_start_response(environ, start_response):
    result = attempt(lambda: kept["start_response"]("200 OK", [("X-Late", "yes")]))
    return json_reply(start_response, result)


def use_write(environ, start_response):
    result = attempt(lambda: kept["write"](b"late bytes"))
    return json_reply(start_response, result)


PATHS = {
    "keep": keep,
    "environ": use_environ,
    "input": use_input,
    "start-response": use_start_response,
    "write": use_write,
}


def application(environ, start_response):
    return dispatch(PATHS, environ, start_response)
