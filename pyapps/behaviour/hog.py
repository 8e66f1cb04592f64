# SPDX-License-Identifier: MIT
"""Computes without ever giving up the GIL until the first byte of the file ?flag= is no longer 0. Sets the second one
as it begins."""

import mmap
import os
import sys

from tools import query, text_reply


def application(environ, start_response):
    interval_s = sys.getswitchinterval()
    with open(query(environ)["flag"], "r+b") as file, mmap.mmap(file.fileno(), 2) as flag:
        sys.setswitchinterval(1000)
        flag[1] = 1
        while flag[0] == 0:
            pass
    sys.setswitchinterval(interval_s)
    return text_reply(start_response, str(os.getpid()))
