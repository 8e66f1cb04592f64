# SPDX-License-Identifier: MIT
"""pass_sockets.py 5,7 NAME:NAME PROGRAM ...: runs the program with these descriptors as its sockets, as systemd does."""

from __future__ import annotations

import os
import sys


def main() -> None:
    given = [int(number) for number in sys.argv[1].split(",")]
    copies = [os.dup(fd) if fd < 3 + len(given) else fd for fd in given]
    for index, fd in enumerate(copies):
        os.dup2(fd, 3 + index, inheritable=True)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)))
    if sys.argv[2]:
        os.environ["LISTEN_FDNAMES"] = sys.argv[2]
    os.closerange(3 + len(given), 256)
    os.execv(sys.argv[3], sys.argv[3:])


if __name__ == "__main__":
    main()
