# SPDX-License-Identifier: MIT
"""Prints from an exit handler, and leaves a thread that is no daemon behind for a moment."""

import atexit
import threading

from tools import text_reply

atexit.register(lambda: print("exit handler ran"))


def work(done):
    done.wait(0.05)
    print("thread ended")


def application(environ, start_response):
    threading.Thread(target=work, args=(threading.Event(),)).start()
    return text_reply(start_response, "ok")
