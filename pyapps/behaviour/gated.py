# SPDX-License-Identifier: MIT
"""Waits at the named pipe ?gate= and then answers; prints when it came and when it went on."""

import os

from tools import query, text_reply, wait_at


def application(environ, start_response):
    options = query(environ)
    print(f"gated request {options.get('tag', '')} waits")
    wait_at(options.get("gate"))
    print(f"gated request {options.get('tag', '')} goes on")
    return text_reply(start_response, f"{options.get('tag', '')} served by {os.getpid()}")
