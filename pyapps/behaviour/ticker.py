# SPDX-License-Identifier: MIT
"""A background thread, started with the application, that counts every 5 ms; the answer is [count, seconds it has run].

?gate= is waited at first, in the request: the thread must go on meanwhile too.
"""

import threading
import time

from tools import json_reply, query, wait_at

PAUSE_S = 0.005


class Ticker(threading.Thread):
    def __init__(self):
        super().__init__(name="ticker", daemon=True)
        self.count = 0
        self.started_s = time.monotonic()

    def run(self):
        while True:
            time.sleep(PAUSE_S)
            self.count += 1


ticker = Ticker()
ticker.start()


def application(environ, start_response):
    wait_at(query(environ).get("gate"))
    return json_reply(start_response, [ticker.count, time.monotonic() - ticker.started_s])
