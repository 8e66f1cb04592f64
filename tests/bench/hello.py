# SPDX-License-Identifier: MIT
"""Hello world, one worker pinned to one core, wrk on another: requests a second and CPU time a request, in interleaved rounds.

    python3 tests/bench/hello.py --peers VENV --servers clutch,bjoern,gunicorn,uwsgi

VENV is a virtual environment with the peers in it (pip install bjoern gunicorn uwsgi; bjoern needs libev-dev). Needs wrk. The CPU
time is the server's, user and system, of all its processes: where the generator is the limit, it is the figure to compare.
"""

import argparse
import contextlib
import re
import statistics
import subprocess

import bench

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def read_seconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * SECONDS[unit]


def run_wrk(port, core, connections, seconds):
    """Returns (requests, requests per second, p50 in s, p99 in s, complaints)."""
    output = subprocess.run(["taskset", "--cpu-list", str(core), "wrk", "--threads", "1", "--connections", str(connections),
                             "--duration", f"{seconds}s", "--latency", f"http://127.0.0.1:{port}/"],
                            capture_output=True, text=True, check=True).stdout
    requests = int(re.search(r"(\d+) requests in", output)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    p50, p99 = (read_seconds(re.search(rf"^\s+{percent}%\s+(\S+)", output, re.M)[1]) for percent in (50, 99))
    return requests, rate, p50, p99, re.findall(r"Socket errors.*|Non-2xx.*", output)


def measure(server, arguments):
    before_s = server.cpu_s()
    requests, rate, p50, p99, complaints = run_wrk(server.port, arguments.load_core, arguments.connections, arguments.seconds)
    return {"rate": rate, "cpu_us": (server.cpu_s() - before_s) * 1e6 / max(requests, 1), "p50": p50, "p99": p99,
            "complaints": complaints}


def start(name, arguments, stack):
    port = bench.free_port()
    if name == "clutch":
        command = bench.clutch_command(arguments.clutch, port, "--workers", "1", str(bench.HERE / "hello_app.py"))
    else:
        command = bench.peer_command(name, arguments.peers, port, str(bench.HERE), "hello_app:application")
    return stack.enter_context(bench.Server(command, port, arguments.server_core))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clutch", default=bench.ROOT / "build/release/clutch")
    parser.add_argument("--servers", default="clutch", help="names parted by commas: clutch, bjoern, gunicorn, uwsgi")
    parser.add_argument("--peers", default="", help="virtual environment with the peers")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of one measurement")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    results = {}
    with contextlib.ExitStack() as stack:
        servers = {name: start(name, arguments, stack) for name in arguments.servers.split(",")}
        for _ in range(arguments.rounds):
            for name, server in servers.items():
                results.setdefault(name, []).append(measure(server, arguments))
    print(f"{'server':10} {'req/s':>9} {'CPU us/req':>11} {'p50 ms':>8} {'p99 ms':>8}   medians of {arguments.rounds} rounds, "
          f"{arguments.connections} connections")
    for name, rounds in results.items():
        median = {key: statistics.median(result[key] for result in rounds) for key in ("rate", "cpu_us", "p50", "p99")}
        print(f"{name:10} {median['rate']:9.0f} {median['cpu_us']:11.2f} {median['p50'] * 1e3:8.3f} {median['p99'] * 1e3:8.3f}   "
              + "; ".join(sorted({line for result in rounds for line in result["complaints"]})))


if __name__ == "__main__":
    main()
