# SPDX-License-Identifier: MIT
"""Clients that are slow in one way each, and what shows that nobody else has to wait for them."""

from __future__ import annotations

import hashlib
import socket
import time

from support.client import Connection, ProtocolError
from support.server import Server

PATTERN = bytes(range(256)) * 256


def pattern_hash(size: int) -> str:
    """SHA-256 of what pyapps/behaviour/big_body.py sends for this size."""
    digest = hashlib.sha256()
    for start in range(0, size, len(PATTERN)):
        digest.update(PATTERN[: size - start])
    return digest.hexdigest()


def connect_small(server: Server, size: int = 4096) -> Connection:
    """Connects with a receive buffer so small that little of a response is on its way at any time."""
    family, address = server.addresses()[0]
    connection = Connection.__new__(Connection)
    connection.socket = socket.socket(family, socket.SOCK_STREAM)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    connection.socket.settimeout(60)
    connection.socket.connect(address)
    connection.buffer = bytearray()
    connection.is_at_end = False
    server.connections.append(connection)
    return connection


def hash_body(connection: Connection) -> tuple[str, int]:
    """Reads a response of any framing, keeping nothing of it; returns SHA-256 and size of its body."""
    head = connection.read_head()
    digest, size = hashlib.sha256(), 0
    if head.header("Transfer-Encoding") is not None:
        while chunk := connection.read_chunk():
            digest.update(chunk)
            size += len(chunk)
        return digest.hexdigest(), size
    length = int(head.header("Content-Length"))
    while size < length:
        data = connection.read_bytes(min(1 << 20, length - size))
        if not data:
            raise ProtocolError(f"the connection ended after {size} of {length} bytes")
        digest.update(data)
        size += len(data)
    return digest.hexdigest(), size


def trickle_in(connection: Connection, seconds: float, size: int = 512, pause_s: float = 0.01) -> bool:
    """Reads `size` bytes at a time with pauses; returns True when the server ended the connection within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if not connection.socket.recv(size):
                return True
        except ConnectionResetError:
            return True
        time.sleep(pause_s)
    return False
