#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Calls a server many times at once and shows when which answer came, in waves, and which process gave it.

    python3 client.py                                  20 callers of http://127.0.0.1:8000/?param=Request_N
    python3 client.py --callers 8 --url http://localhost:9000 --path /report

Needs the standard library alone. Exit status: 0 when every call was answered with a 2xx or 3xx status, else 1.
"""

import argparse
import http.client
import sys
import threading
import time
from collections import defaultdict
from urllib.parse import urlsplit

# A pause between two answers longer than this part of the first answer's time begins a new wave.
WAVE_PAUSE = 0.3


class Answer:
    """What came of one call; `error` is None when there was a response."""

    def __init__(self, name):
        self.name = name
        self.status = None
        self.text = ""
        self.served_by = "unknown"
        self.error = None
        self.seconds = 0.0

    def is_good(self):
        return self.error is None and 200 <= self.status < 400

    def describe(self):
        if self.error is not None:
            return f"{self.seconds:8.3f} s  {self.name}: failed: {self.error}"
        return f"{self.seconds:8.3f} s  {self.name}: {self.status} {self.text!r} by process {self.served_by}"


def connect(url, timeout_s):
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname, url.port, timeout=timeout_s)


def make_target(path, name):
    return f"{path}{'&' if '?' in path else '?'}param={name}"


def call(url, path, answer, timeout_s):
    """Makes one call on a connection of its own and fills `answer`."""
    connection = connect(url, timeout_s)
    try:
        connection.request("GET", make_target(path, answer.name))
        response = connection.getresponse()
        answer.text = response.read().decode("utf-8", "replace")[:60]
        answer.status = response.status
        answer.served_by = response.getheader("X-Worker-Pid", "unknown")
    except (OSError, http.client.HTTPException) as error:
        answer.error = f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def call_all(url, path, callers, timeout_s):
    """Starts all calls at the same moment; prints every answer as it comes; returns them in that order."""
    answers = []
    lock = threading.Lock()
    barrier = threading.Barrier(callers + 1)
    started = 0.0

    def run(name):
        answer = Answer(name)
        barrier.wait()
        call(url, path, answer, timeout_s)
        with lock:
            answer.seconds = time.monotonic() - started
            answers.append(answer)
            print(answer.describe(), flush=True)

    threads = [threading.Thread(target=run, args=(f"Request_{i}",)) for i in range(callers)]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    barrier.wait()
    for thread in threads:
        thread.join()
    return answers


def split_waves(answers):
    """Groups answers, given in order of arrival, by the pauses between them."""
    waves = []
    for answer in answers:
        if not waves or answer.seconds - waves[-1][-1].seconds > WAVE_PAUSE * answers[0].seconds:
            waves.append([])
        waves[-1].append(answer)
    return waves


def print_summary(answers):
    good = [answer for answer in answers if answer.is_good()]
    print()
    for number, wave in enumerate(split_waves(good), start=1):
        print(f"wave {number}: {len(wave)} answers after {wave[0].seconds:.1f} s")
    served = defaultdict(list)
    for answer in good:
        served[answer.served_by].append(answer.name)
    for process, names in sorted(served.items()):
        print(f"process {process} served {len(names)}: {', '.join(names)}")
    total_s = max((answer.seconds for answer in answers), default=0.0)
    print(f"total: {len(good)} of {len(answers)} calls answered in {total_s:.1f} s")


def read_arguments(arguments):
    parser = argparse.ArgumentParser(description="Calls a server many times at once and shows who answered when.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="scheme, host and port (default: %(default)s)")
    parser.add_argument("--path", default="/", help="what to ask for; ?param=Request_N is added (default: %(default)s)")
    parser.add_argument("--callers", type=int, default=20, metavar="N", help="calls at once (default: %(default)s)")
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="longest silence of the server (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    options.url = urlsplit(options.url)
    if options.url.scheme not in ("http", "https") or not options.url.hostname:
        parser.error("--url: expected http://HOST[:PORT] or https://HOST[:PORT]")
    if not options.path.startswith("/"):
        parser.error("--path: expected a path that begins with /")
    if options.callers < 1:
        parser.error("--callers: expected a number from 1")
    return options


def main(arguments=None):
    options = read_arguments(arguments)
    print(f"{options.callers} calls at once to {options.url.geturl()}{options.path}")
    answers = call_all(options.url, options.path, options.callers, options.timeout)
    print_summary(answers)
    return 0 if all(answer.is_good() for answer in answers) else 1


if __name__ == "__main__":
    sys.exit(main())
