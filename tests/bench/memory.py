# SPDX-License-Identifier: MIT
"""Memory of the workers of a Django project with and without --preload, and the time from the start to the first answer.

    build/venv-3.11/bin/python tests/bench/memory.py --venv build/venv-3.11

The memory is the proportional set size: pages that processes share count in parts.
"""

import argparse
import os
import socket
import statistics

import servers


def touch_every_worker(server, workers):
    """Sends requests at once, so that each worker serves some and has its working set in memory."""
    for _ in range(5):
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4 * workers)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        for client in clients:
            while client.recv(65536):
                pass
            client.close()


def measure(arguments, *options):
    """Returns (PSS of a worker, PSS of all processes, both in KiB, seconds to the first answer)."""
    port = servers.free_port()
    command = servers.clutch_command(arguments.clutch, port, "--workers", str(arguments.workers), "--venv", os.path.abspath(arguments.venv),
                                   "--chdir", str(servers.ROOT / "pyapps/django_project"), *options, arguments.app)
    with servers.Server(command, port) as server:
        touch_every_worker(server, arguments.workers)
        pss = server.pss_kib()
        helpers = 2 if "--preload" in options else 1  # the master, the zygote
        return statistics.median(list(pss.values())[helpers:]), sum(pss.values()), server.first_answer_s


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clutch", default=servers.ROOT / "build/release/clutch")
    parser.add_argument("--venv", required=True, help="virtual environment with Django")
    parser.add_argument("--app", default="demo.wsgi")
    parser.add_argument("--workers", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'':14} {'worker MiB':>11} {'all MiB':>9} {'first answer ms':>16}   medians of {arguments.rounds}, {arguments.workers} workers")
    for options in ((), ("--preload",)):
        rounds = [measure(arguments, *options) for _ in range(arguments.rounds)]
        worker_kib, all_kib, first_s = (statistics.median(column) for column in zip(*rounds))
        print(f"{' '.join(options) or 'no preload':14} {worker_kib / 1024:11.1f} {all_kib / 1024:9.1f} {first_s * 1e3:16.0f}")


if __name__ == "__main__":
    main()
