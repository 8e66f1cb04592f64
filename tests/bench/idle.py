# SPDX-License-Identifier: MIT
"""What a server costs while nothing happens: memory of idle keep-alive connections, and how often it is woken."""

import contextlib
import select
import socket
import time

import servers

CONNECTIONS = 10000
ENOUGH = 0.99
WARM_CONNECTIONS = 20
ANSWER_LIMIT_S = 5
OPEN_LIMIT_S = 180
SETTLE_S = 5
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def open_connection(port):
    """Returns a connection on which one request has been answered."""
    client = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_LIMIT_S)
    client.sendall(REQUEST)
    answer = b""
    while b"Hello, world!\n" not in answer:
        block = client.recv(4096)
        if not block:
            raise OSError("closed before the answer")
        answer += block
    return client


def open_many(port, count, stack):
    """Opens so many, one after the other; Failed with how many there were when one is refused or gets no answer, or when it takes long:
    a server that serves the next connection only when it has given up the one before."""
    clients, limit_s = [], time.monotonic() + OPEN_LIMIT_S
    while len(clients) < count:
        if time.monotonic() > limit_s:
            raise servers.Failed(f"no more than {len(clients)} connections within {OPEN_LIMIT_S} s")
        try:
            clients.append(stack.enter_context(open_connection(port)))
        except OSError as error:
            raise servers.Failed(f"no more than {len(clients)} connections: {error}") from error
    return clients


def count_open(clients):
    """Returns how many the server has not closed."""
    poller = select.poll()
    for client in clients:
        poller.register(client, select.POLLIN | select.POLLRDHUP)
    return len(clients) - len(poller.poll(0))


def measure_memory(name, tools, row, log, count=CONNECTIONS):
    """Returns bytes for each of `count` idle connections, by the proportional set size of all processes: without the kernel's share."""
    servers.allow_many_descriptors()
    port = servers.free_port()
    with servers.Server(servers.command(name, tools, port, row.app), port, directory=row.directory, log=log) as server:
        with contextlib.ExitStack() as warm:
            open_many(port, WARM_CONNECTIONS, warm)
        before_kib = sum(server.pss_kib().values())
        with contextlib.ExitStack() as stack:
            clients = open_many(port, count, stack)
            time.sleep(1)  # a server that closes idle connections at once is to have done so
            kept = count_open(clients)
            after_kib = sum(server.pss_kib().values())
    if kept < ENOUGH * count:
        raise servers.Failed(f"kept {kept} of {count} connections")
    return {"connection_bytes": (after_kib - before_kib) * 1024 / kept, "connections": kept}


def measure_wakeups(running, seconds):
    """Returns the figures of the servers of {name: Server} over so many seconds in which nobody calls them, all at the same time."""
    for server in running.values():
        with contextlib.suppress(OSError):
            open_connection(server.port).close()
    time.sleep(SETTLE_S)
    before = {name: (server.switches(), server.cpu_s()) for name, server in running.items()}
    time.sleep(seconds)
    figures = {}
    for name, server in running.items():
        switches, cpu_s = server.switches(), server.cpu_s()
        count = sum(value - before[name][0].get(thread, 0) for thread, value in switches.items())
        figures[name] = {"switches": count, "switches_per_minute": count * 60 / seconds, "idle_cpu_ms": (cpu_s - before[name][1]) * 1e3,
                         "idle_s": seconds}
    return figures
