# SPDX-License-Identifier: MIT
"""Ends what a comparison has started when the comparison itself was killed (kill -9, out of memory) and could not.

A server tells its session to a guard, a small process that waits at the other end of a pipe: before it becomes the
server, so that there is no moment in which nobody knows of it. The kernel closes the pipe when the comparison has
ended, however it did; then the guard kills the sessions that it still knows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import List, Optional, Sequence, Set

# The guard's pipe is the standard input of a shell, which becomes the server.
TELL_AND_BECOME = 'echo "+$$" >&0 && exec "$@" </dev/null'

_guard: "Optional[subprocess.Popen[bytes]]" = None


def command(words: Sequence[str]) -> List[str]:
    """Returns the command line that tells its pid, as a session's, to the guard at its standard input and then is
    `words`."""
    return ["/bin/sh", "-c", TELL_AND_BECOME, "sh", *words]


def pipe() -> int:
    """Returns the descriptor that reaches the guard, which is started when there is none."""
    global _guard
    if _guard is None or _guard.poll() is not None:
        _guard = subprocess.Popen(
            [sys.executable, "-I", "-S", os.path.abspath(__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
    assert _guard.stdin is not None
    return _guard.stdin.fileno()


def forget(session: int) -> None:
    """The session has ended: its number may become another's."""
    try:
        os.write(pipe(), b"-%d\n" % session)
    except OSError:
        pass  # a guard that was killed guards nothing


# The guard itself.


def watch() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sessions: Set[int] = set()
    for line in sys.stdin:
        change = sessions.add if line[0] == "+" else sessions.discard
        change(int(line[1:]))
    while sessions and kill(sessions):
        pass


def kill(sessions: Set[int]) -> bool:
    """Kills what belongs to these sessions; returns whether there was any."""
    found = False
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                state, _, _, session = file.read().rpartition(")")[2].split()[:4]
            if int(session) in sessions and state not in "ZX":
                os.kill(pid, signal.SIGKILL)
                found = True
        except (OSError, ValueError):
            continue
    return found


if __name__ == "__main__":
    watch()
