# SPDX-License-Identifier: MIT
"""User instructions of one hello request, counted by callgrind: the difference of a long and a short run, so that the start does
not count. The same binary gives nearly the same figure again, whatever else the machine does. Needs valgrind."""

import os
import pathlib
import re
import socket
import tempfile

import servers

FEW, MANY = 500, 4500
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def ask(port, count):
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            client.sendall(REQUEST)
            answer = b""
            while b"Hello" not in answer:
                block = client.recv(4096)
                if not block:
                    raise servers.Failed("closed the connection under callgrind")
                answer += block


def count(name, tools, row, requests, log):
    """Returns the instructions of the process that executed most, the worker."""
    port = servers.free_port()
    os.environ["PYTHONHASHSEED"] = "0"  # the order of a dictionary moves the figure by 1 %
    with tempfile.TemporaryDirectory() as directory:
        command = ["valgrind", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={directory}/%p",
                   *servers.command(name, tools, port, row.app)]
        if name == "clutch":
            command[-1:-1] = ["--boot-timeout", "0"]
        with servers.Server(command, port, directory=row.directory, log=log):
            ask(port, requests)
        totals = [re.search(r"^totals: (\d+)", path.read_text(), re.M) for path in pathlib.Path(directory).iterdir()]
        if not any(totals):
            raise servers.Failed("left no count of callgrind")
        return max(int(total[1]) for total in totals if total)


def measure(name, tools, row, log):
    """Returns the figures of one server."""
    counted = count(name, tools, row, MANY, log) - count(name, tools, row, FEW, log)
    return {"instructions": counted / (MANY - FEW)}
