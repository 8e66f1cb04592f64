# SPDX-License-Identifier: MIT
"""What the kernel tells of connections and threads: bytes that nobody has read yet, how often a thread was woken."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import signal
import socket
import struct
import sys
import termios
import time

from support.processes import PROC, descriptor_targets
from support.waiting import wait_until

ESTABLISHED, CLOSE_WAIT = 1, 8  # states of a connection; in the second its other side has ended

NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST = 4, 20, 1
ANY_COOKIE = b"\xff" * 8


def ask_netlink(connection) -> tuple[int, int, int] | None:
    """State, unread bytes and inode of the server's side of an IPv4 connection (sock_diag(7)), None when there is
    none."""
    client, client_port = connection.socket.getsockname()
    server, server_port = connection.socket.getpeername()
    own_id = struct.pack("!HH4s12x4s12x4x", server_port, client_port, *map(socket.inet_aton, (server, client)))
    question = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + own_id + ANY_COOKIE
    header = struct.pack("=IHHII", 16 + len(question), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        netlink.send(header + question)
        answer = netlink.recv(4096)
    if struct.unpack_from("=IH", answer)[1] != SOCK_DIAG_BY_FAMILY:
        return None
    _, unread, _, _, inode = struct.unpack_from("=5I", answer, 16 + 4 + 48)
    return answer[16 + 1], unread, inode


def ask_proc(connection) -> tuple[int, int, int] | None:
    """The same from /proc/net/tcp, which takes long on a machine with many connections."""
    own_port = connection.socket.getsockname()[1]
    server_port = connection.socket.getpeername()[1]
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].partition(":")[2], 16) == server_port and int(fields[2].partition(":")[2], 16) == own_port:
            return int(fields[3], 16), int(fields[4].partition(":")[2], 16), int(fields[9])
    return None


def inode_of(connection) -> int:
    """The inode of the server's side of an IPv4 connection; 0 while it waits in the backlog, and once it is closed."""
    side = server_side(connection)
    return side[2] if side is not None else 0


def sockets_of(pid: int) -> list[str]:
    """The sockets that a process has open, as "socket:[INODE]" for each descriptor."""
    return [target for target in descriptor_targets(pid) if target.startswith("socket:")]


def is_accepted_by(connection, pid: int) -> bool:
    """Whether a process has accepted an IPv4 connection and keeps it; false while it waits in the backlog."""
    inode = inode_of(connection)
    return inode != 0 and f"socket:[{inode}]" in sockets_of(pid)


def is_in_queue(connection, pids) -> bool:
    """Whether a connection is in the queue of all workers, which are these processes: it has been accepted, and none
    of them has it open."""
    inode = inode_of(connection)
    return inode != 0 and not any(f"socket:[{inode}]" in sockets_of(pid) for pid in pids)


def server_side(connection) -> tuple[int, int, int] | None:
    """State, unread bytes (the end counts as one) and inode of the server's side of an IPv4 connection; None once the
    server has closed it."""
    try:
        return ask_netlink(connection) or ask_proc(connection)
    except OSError as error:
        if error.errno != errno.ENOTCONN:  # by a reset, which has arrived
            raise
        return None


def wait_queued(connection, pids) -> None:
    """Waits until a request that cannot be run now is in the queue of all workers, which are these processes. A worker
    may have read it long before, and another one put a later request into the queue meanwhile."""
    wait_read(connection)
    wait_until(lambda: is_in_queue(connection, pids), "the request to be in the queue")


def has_unread(connection) -> bool:
    """Whether bytes have arrived that the server has not read."""
    side = server_side(connection)
    return side is not None and side[1] > 0


def has_arrived(connection) -> bool:
    """Whether the server's kernel has all that was sent on the connection: on a busy machine it is under way for a
    while also on the loopback."""
    unacknowledged = fcntl.ioctl(connection.socket, termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(unacknowledged, sys.byteorder) == 0


def wait_read(connection) -> None:
    """Waits until the server has read all that was sent on the connection."""
    wait_until(
        lambda: has_arrived(connection) and (server_side(connection) or (0, -1, 0))[1] == 0, "the server to read"
    )


def wait_end_received(connection) -> None:
    """Waits until the end that this side has sent is on the server's side."""
    wait_until(lambda: (server_side(connection) or (0, 0, 0))[0] == CLOSE_WAIT, "the end of the connection to arrive")


class Ends:
    """The addresses of a connection, for server_side() when this side has closed it."""

    def __init__(self, connection):
        self.socket = self
        self.names = connection.socket.getsockname(), connection.socket.getpeername()

    def getsockname(self):
        return self.names[0]

    def getpeername(self):
        return self.names[1]


def end(connection, how: str) -> None:
    """Ends a connection, by "close" or by "reset", and waits until the server's side has heard of it."""
    ends = Ends(connection)
    getattr(connection, how)()
    wait_until(lambda: (server_side(ends) or (0, 0, 0))[0] != ESTABLISHED, "the end of the connection to arrive")


def read_of_threads(pid: int, name: str) -> dict[int, str]:
    """The file of this name of each thread of a process; one that ends meanwhile is left out."""
    texts = {}
    for task in (PROC / str(pid) / "task").glob("*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            texts[int(task.name)] = (task / name).read_text()
    return texts


def wake_ups(pid: int) -> dict[int, int]:
    """How often each thread of a process has gone to sleep of its own will, which is how often it was woken."""
    pattern = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)$", re.MULTILINE)
    return {thread: int(pattern.search(text)[1]) for thread, text in read_of_threads(pid, "status").items()}


def count_awake(pid: int) -> int:
    """How many threads of a process do not sleep: they run, or would if they had a processor."""
    return sum(state_in(stat) != "S" for stat in read_of_threads(pid, "stat").values())


def is_calm(pids, seconds: float) -> bool:
    """Whether no thread of these processes is woken for so long. One that still waits for a processor is not counted as
    woken, but does not sleep either: at the end all must."""
    before = [wake_ups(pid) for pid in pids]
    time.sleep(seconds)
    return all(thread_states(pid) == {"S"} for pid in pids) and [wake_ups(pid) for pid in pids] == before


def wait_calm(pids) -> None:
    """Waits until the processes have come to rest."""
    wait_until(lambda: is_calm(pids, 0.05), "the processes to come to rest")


def socket_count(pid: int) -> int:
    """How many sockets a process has open."""
    return len(sockets_of(pid))


def state_in(stat: str) -> str:
    return stat[stat.rindex(")") + 2]


def thread_states(pid: int) -> set[str]:
    """The letters for what the threads of a process are doing: S sleeps, T has been stopped, and so on."""
    return {state_in(stat) for stat in read_of_threads(pid, "stat").values()}


def stop(pid: int) -> None:
    """Stops a process, and waits until all its threads stand still. It sleeps before: one that is stopped while it writes
    to the log keeps the others from writing."""
    wait_until(lambda: thread_states(pid) == {"S"}, "all threads to sleep")
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: thread_states(pid) == {"T"}, "all threads to stop")


@contextlib.contextmanager
def stopped(pid: int):
    """The process is stopped meanwhile: what comes is all there when it goes on."""
    stop(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def connect_with(server, data: bytes):
    """Returns a connection that has brought the data before the only worker accepts it, and the time for a head begins."""
    with stopped(server.worker_pids()[0]):
        connection = server.connect()
        connection.send(data)
        wait_until(lambda: has_arrived(connection), "the data to arrive")
    return connection


def send_at_once(pid: int, connections, requests) -> None:
    """Has the process, which the connections belong to, find all requests at once, in this order."""
    with stopped(pid):
        for connection, request in zip(connections, requests):
            connection.send(request)
            wait_until(lambda connection=connection: has_unread(connection), "the request to arrive")
