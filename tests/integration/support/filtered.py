# SPDX-License-Identifier: MIT
"""Runs a program under a seccomp filter, as a container would: python filtered.py NUMBER,... PROGRAM ARGUMENT ...

The system calls of these numbers fail with ENOSYS, as in a kernel that does not have them."""

import ctypes
import errno
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def main():
    numbers = [int(number) for number in sys.argv[1].split(",")]
    code = struct.pack("=HBBI", LOAD, 0, 0, 0)
    for number in numbers:
        code += struct.pack("=HBBI", JUMP_EQUAL, 0, 1, number)
        code += struct.pack("=HBBI", RETURN, 0, 0, ERRNO | errno.ENOSYS)
    code += struct.pack("=HBBI", RETURN, 0, 0, ALLOW)
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(code) // 8, code)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
