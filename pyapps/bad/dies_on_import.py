# SPDX-License-Identifier: MIT
"""Kills its process while it is imported."""

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)


def application(environ, start_response):
    raise AssertionError("never called")
