# SPDX-License-Identifier: MIT
"""What the kernel tells of connections and threads: bytes that nobody has read yet, how often a thread was woken."""

from __future__ import annotations

import pathlib
import re
import time

from support.waiting import wait_until

PROC = pathlib.Path("/proc")


def unread_bytes(connection) -> int | None:
    """How many bytes the server has not read yet of what came on an IPv4 connection; None once it has closed it."""
    own_port = connection.socket.getsockname()[1]
    server_port = connection.socket.getpeername()[1]
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].partition(":")[2], 16) == server_port and int(fields[2].partition(":")[2], 16) == own_port:
            return int(fields[4].partition(":")[2], 16)
    return None


def wait_read(connection) -> None:
    """Waits until the server has read all that was sent on the connection."""
    wait_until(lambda: unread_bytes(connection) == 0, "the server to read")


def wait_end_received(connection) -> None:
    """Waits until the kernel of the server's side has the end that this side has sent (its state is CLOSE_WAIT)."""
    own_port = connection.socket.getsockname()[1]

    def has_end() -> bool:
        for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[2].partition(":")[2], 16) == own_port and fields[3] == "08":
                return True
        return False

    wait_until(has_end, "the end of the connection to arrive")


def wake_ups(pid: int) -> dict[int, int]:
    """How often each thread of a process has gone to sleep of its own will, which is how often it was woken."""
    counts = {}
    for status in (PROC / str(pid) / "task").glob("*/status"):
        match = re.search(r"^voluntary_ctxt_switches:\s*(\d+)$", status.read_text(), re.MULTILINE)
        counts[int(status.parent.name)] = int(match.group(1))
    return counts


def is_calm(pids, seconds: float) -> bool:
    """Whether no thread of these processes is woken for so long."""
    before = [wake_ups(pid) for pid in pids]
    time.sleep(seconds)
    return [wake_ups(pid) for pid in pids] == before


def wait_calm(pids) -> None:
    """Waits until the processes have come to rest."""
    wait_until(lambda: is_calm(pids, 0.05), "the processes to come to rest")


def socket_count(pid: int) -> int:
    """How many sockets a process has open."""
    count = 0
    for entry in (PROC / str(pid) / "fd").iterdir():
        try:
            count += str(entry.readlink()).startswith("socket:")
        except FileNotFoundError:
            continue
    return count


def thread_states(pid: int) -> set[str]:
    """The letters for what the threads of a process are doing: S sleeps, T has been stopped, and so on."""
    stats = [stat.read_text() for stat in (PROC / str(pid) / "task").glob("*/stat")]
    return {stat[stat.rindex(")") + 2] for stat in stats}
