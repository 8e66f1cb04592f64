# SPDX-License-Identifier: MIT
"""The load of a workload: wrk for throughput, the tail client of this folder for latencies beside slow requests and for new connections.

Every run returns the same figures: requests, rate (a second), p50_us, p90_us, p99_us, max_us.
"""

import dataclasses
import http.client
import json
import pathlib
import re
import subprocess

import servers

WRK_SCRIPT = pathlib.Path(__file__).resolve().parent / "wrk.lua"
TOLERATED_ERRORS = 0.01
LEAD_S = 0.5


@dataclasses.dataclass
class Wrk:
    """`connections` keep-alive connections, each sending its next request when the answer is there."""
    connections: int = 32
    path: str = "/"
    post_bytes: int = 0
    answer_bytes: int = 14
    threads: int = 1

    def run(self, port, seconds, core, _):
        command = ["wrk", "--threads", str(self.threads), "--connections", str(self.connections), "--duration", f"{seconds}s", "--latency",
                   "--script", str(WRK_SCRIPT), f"http://127.0.0.1:{port}{self.path}"]
        output = run_client(command + (["--", str(self.post_bytes)] if self.post_bytes else []), core, seconds)
        figures = json.loads(re.search(r"^JSON (.*)", output, re.M)[1])
        errors = {kind: count for kind, count in figures.pop("errors").items() if count}
        if figures["requests"] == 0 or sum(errors.values()) > TOLERATED_ERRORS * figures["requests"]:
            raise servers.Failed(f"wrk counts {figures['requests']} answers, errors: {errors or 'none'}")
        figures["rate"] = figures["requests"] * 1e6 / figures.pop("duration_us")
        return {**figures, "errors": errors}


@dataclasses.dataclass
class NewConnections:
    """`connections` at a time, each for one request."""
    connections: int = 32
    path: str = "/"
    post_bytes: int = 0
    answer_bytes: int = 14

    def run(self, port, seconds, core, tail):
        return run_tail(tail, core, seconds, "--port", port, "--close", "--fast", self.connections, "--path", self.path)


@dataclasses.dataclass
class Tail:
    """Fast requests by a schedule of `rate` a second on `connections` keep-alive connections, beside slow ones without a pause."""
    slow: int
    slow_path: str
    connections: int = 40
    rate: int = 2000
    path: str = "/"
    post_bytes: int = 0
    answer_bytes: int = 14

    def run(self, port, seconds, core, tail):
        return run_tail(tail, core, seconds, "--port", port, "--fast", self.connections, "--rate", self.rate, "--path", self.path,
                        "--slow", self.slow, "--slow-path", self.slow_path)


def run_client(command, core, seconds):
    """Returns what a client printed. Failed with its complaint when it failed; it has half a minute more than it should need."""
    pin = ["taskset", "--cpu-list", str(core)] if core is not None else []
    try:
        done = subprocess.run(pin + command, capture_output=True, text=True, timeout=seconds + 30, check=False)
    except subprocess.TimeoutExpired as late:
        raise servers.Failed(f"{command[0]} did not end") from late
    if done.returncode != 0:
        raise servers.Failed(done.stderr.strip() or f"{command[0]} ended with status {done.returncode}")
    return done.stdout


def run_tail(tail, core, seconds, *options):
    output = run_client([str(tail), "--seconds", str(seconds), "--lead", str(LEAD_S), *map(str, options)], core, seconds)
    answer = json.loads(output)
    fast = answer["fast"]
    if fast["requests"] == 0 or answer["errors"] > TOLERATED_ERRORS * fast["requests"]:
        raise servers.Failed(f"{answer['errors']} errors on {fast['requests']} requests, the last: {answer['error'] or 'none'}")
    figures = {key: fast[key] for key in ("requests", "p50_us", "p90_us", "p99_us", "max_us", "over_2ms")}
    # The server's CPU time is also of the requests that are not counted: those of the lead, and the slow ones.
    return {**figures, "rate": fast["requests"] / answer["seconds"], "cpu_share": seconds / (seconds + LEAD_S),
            "slow": answer["slow"], "realtime": answer["realtime"], "errors": answer["errors"]}


def check(load, port):
    """Asks once what the load will ask. Failed when the answer is not what the application gives."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        if load.post_bytes:
            client.request("POST", load.path, b"x" * load.post_bytes)
        else:
            client.request("GET", load.path)
        answer = client.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise servers.Failed(f"no whole answer: {error!r}") from error
    finally:
        client.close()
    if answer.status != 200 or len(body) != load.answer_bytes > 0:
        raise servers.Failed(f"answered {answer.status} with {len(body)} bytes; expected 200 with {load.answer_bytes or 'some'}")
    if load.post_bytes and body != b"%d\n" % load.post_bytes:
        raise servers.Failed(f"the application read {body!r} of {load.post_bytes} bytes")
