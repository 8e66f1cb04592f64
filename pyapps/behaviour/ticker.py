# SPDX-License-Identifier: MIT
"""A background thread, started with the application, that counts every 5 ms; the answer is [count, seconds it has run].

?gate= is waited at first, in the request: the thread must go on meanwhile too. The thread makes the file ?touch= when it
has counted ?more=, from the request on.
"""

import pathlib
import threading
import time

from tools import json_reply, number, query, wait_at

PAUSE_S = 0.005


class Ticker(threading.Thread):
    def __init__(self):
        super().__init__(name="ticker", daemon=True)
        self.count = 0
        self.started_s = time.monotonic()
        self.to_touch = None  # (at which count, which file)

    def run(self):
        while True:
            time.sleep(PAUSE_S)
            self.count += 1
            if self.to_touch is not None and self.count >= self.to_touch[0]:
                pathlib.Path(self.to_touch[1]).touch()
                self.to_touch = None


ticker = Ticker()
ticker.start()


def application(environ, start_response):
    wait_at(query(environ).get("gate"))
    count = ticker.count
    if "touch" in query(environ):
        ticker.to_touch = (count + number(environ, "more"), query(environ)["touch"])
    return json_reply(start_response, [count, time.monotonic() - ticker.started_s])
