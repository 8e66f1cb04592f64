# SPDX-License-Identifier: MIT
"""User instructions of one hello request, counted by callgrind: the difference of a long and a short run, so that the start does
not count. The same binary gives the same figure again, whatever else the machine does. Needs valgrind.

    python3 tests/bench/instructions.py
"""

import argparse
import pathlib
import re
import socket
import tempfile

import bench

FEW, MANY = 500, 4500
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def ask(port, count):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            client.sendall(REQUEST)
            answer = b""
            while b"Hello" not in answer:
                answer += client.recv(4096)


def count_instructions(clutch, requests):
    """Returns the instructions of the process that executed most, the worker."""
    port = bench.free_port()
    with tempfile.TemporaryDirectory() as directory:
        command = ["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={directory}/%p",
                   *bench.clutch_command(clutch, port, "--workers", "1", "--boot-timeout", "0",
                                         str(bench.HERE / "hello_app.py"))]
        with bench.Server(command, port):
            ask(port, requests)
        return max(int(re.search(r"^totals: (\d+)", path.read_text(), re.M)[1]) for path in pathlib.Path(directory).iterdir())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clutch", default=bench.ROOT / "build/release/clutch")
    clutch = parser.parse_args().clutch
    counted = count_instructions(clutch, MANY) - count_instructions(clutch, FEW)
    print(f"{counted / (MANY - FEW):.0f} instructions a request")


if __name__ == "__main__":
    main()
