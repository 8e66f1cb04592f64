# SPDX-License-Identifier: MIT
"""What a server makes of the bytes of a case: they are sent with one more request behind them, the marker, and the end
of the stream; the verdict is made of the statuses that come back."""

from __future__ import annotations

import re
import socket

from differential_support.teller import MARKER

LIMIT_S = 60
STATUS = re.compile(rb"(?:^|\n)HTTP/1\.[01] (\d{3}) ?([^\r\n]*)")
WORDS = {298: "**smuggled**", 299: "next"}


def make_marker(number: int) -> bytes:
    return f"GET {MARKER}?{number} HTTP/1.1\r\nHost: marker\r\nConnection: close\r\n\r\n".encode("ascii")


def exchange(port: int, data: bytes) -> bytes:
    """Sends, ends the stream, and returns all that comes until the server closes."""
    came = bytearray()
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed already
        try:
            while part := connection.recv(65536):
                came += part
        except ConnectionResetError:
            pass
    return bytes(came)


def verdict_of(answer: bytes) -> str:
    """ "200 next": one request was executed and the marker found; "400": refused, and nothing behind it executed;
    "200 (5)": a body of five bytes; "-": closed without a word."""
    words = []
    for status, reason in STATUS.findall(answer):
        number = int(status)
        body = reason.decode("latin-1")
        if number == 100:
            continue
        if number == 200 and body not in ("0", ""):
            words.append(f"200 ({body})")
        else:
            words.append(WORDS.get(number, str(number)))
    return " ".join(words) or "-"


def ask(port: int, data: bytes, number: int) -> str:
    return verdict_of(exchange(port, data + make_marker(number)))
