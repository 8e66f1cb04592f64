# SPDX-License-Identifier: MIT
"""Sleeps ?ms= milliseconds or ?us= microseconds, then answers with the process id."""

import os
import time

from tools import number, text_reply


def application(environ, start_response):
    time.sleep(number(environ, "ms") / 1e3 + number(environ, "us") / 1e6)
    return text_reply(start_response, str(os.getpid()))
