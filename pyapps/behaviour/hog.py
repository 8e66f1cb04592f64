# SPDX-License-Identifier: MIT
"""Computes without ever giving up the GIL until the first number in the file ?flag= is no longer 0; as it begins it
writes the process id over the second one."""

import mmap
import os
import sys

from tools import query, text_reply


def application(environ, start_response):
    interval_s = sys.getswitchinterval()
    with open(query(environ)["flag"], "r+b") as file, mmap.mmap(file.fileno(), 8) as memory:
        numbers = memoryview(memory).cast("i")
        sys.setswitchinterval(1000)
        numbers[1] = os.getpid()
        while numbers[0] == 0:
            pass
        numbers.release()
    sys.setswitchinterval(interval_s)
    return text_reply(start_response, str(os.getpid()))
