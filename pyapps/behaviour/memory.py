# SPDX-License-Identifier: MIT
"""Tells, after a full collection, how many objects and blocks of memory the interpreter holds, and the resident set in
bytes."""

import gc
import os
import sys

from tools import json_reply


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def application(environ, start_response):
    gc.collect()
    return json_reply(
        start_response,
        {"blocks": sys.getallocatedblocks(), "objects": len(gc.get_objects()), "resident_bytes": resident_bytes()},
    )
