# SPDX-License-Identifier: MIT
"""A thread that keeps the GIL when it is told to, and requests that have to wait for it. `/park` occupies Python's main
thread until `/release`; on another thread it ends when the main one is parked. `/hold?fifo=` starts the thread that
keeps the GIL from one byte in that FIFO to the next. `/enter` says that it was entered."""

import ctypes
import os
import sys
import threading

import clutch
from tools import query, text_reply

parked = threading.Event()
released = threading.Event()


def park():
    if threading.current_thread() is not threading.main_thread():
        parked.wait()
        return
    print("parked", flush=True)
    parked.set()
    while not released.is_set():
        try:
            released.wait()
        except clutch.RequestTimeout:
            pass


def hold(path):
    """A PyDLL keeps the GIL in its calls; nobody gets it in between."""
    library = ctypes.PyDLL(None)
    fifo = os.open(path, os.O_RDWR)
    interval_s = sys.getswitchinterval()
    os.read(fifo, 1)
    sys.setswitchinterval(1000)
    library.write(1, b"holding\n", 8)
    library.read(fifo, ctypes.create_string_buffer(1), 1)
    sys.setswitchinterval(interval_s)
    os.close(fifo)


def application(environ, start_response):
    way = environ["PATH_INFO"].strip("/")
    if way == "park":
        park()
    elif way == "release":
        released.set()
    elif way == "hold":
        threading.Thread(target=hold, args=[query(environ)["fifo"]], daemon=True).start()
    elif way == "enter":
        print("entered", flush=True)
    return text_reply(start_response, "done\n")
