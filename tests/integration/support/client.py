# SPDX-License-Identifier: MIT
"""A client that sends exactly the bytes it is given and reports exactly what came back."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field

from support.waiting import LIMIT_S


class ProtocolError(Exception):
    """The server sent something that is not a response."""


@dataclass
class Response:
    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    head: bytes
    framing: str = "none"  # none, length, chunked, close: how the body's end is told
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    is_complete: bool = True

    def all(self, name: str) -> list[str]:
        """Values of a field in order of arrival."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str, default: str | None = None) -> str | None:
        """The only value of a field; a field that is there twice is a mistake of the test or of the server."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else default

    def json(self):
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode("latin-1")

    @property
    def says_close(self) -> bool:
        return "close" in (self.header("Connection") or "").lower()


def make_request(
    target: str = "/",
    method: str = "GET",
    headers=(),
    body: bytes | None = None,
    version: str = "1.1",
    host: str | None = "localhost",
) -> bytes:
    """Returns the bytes of a well-formed request; Host and Content-Length are added unless told otherwise."""
    lines = [f"{method} {target} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def make_chunked(blocks, trailers=()) -> bytes:
    """Returns `blocks` in chunked coding, the last chunk included."""
    parts = [b"%x\r\n%s\r\n" % (len(block), block) for block in blocks]
    return b"".join(parts) + b"0\r\n" + b"".join(b"%s\r\n" % trailer for trailer in trailers) + b"\r\n"


class Connection:
    """One connection to the server. Reads wait up to LIMIT_S and raise TimeoutError then."""

    def __init__(self, family: int, address, limit_s: float = LIMIT_S, source: str | None = None):
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.settimeout(limit_s)
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.is_at_end = False

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    @property
    def is_closed(self) -> bool:
        """Whether this side has closed."""
        return self.socket.fileno() < 0

    @property
    def local_address(self) -> str:
        host, port = self.socket.getsockname()[:2]
        return f"{host}:{port}"

    # Sending.

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_slowly(self, data: bytes, size: int = 1) -> None:
        """Sends `data` in segments of `size` bytes, each on its own as far as the kernel lets it."""
        for start in range(0, len(data), size):
            self.socket.sendall(data[start : start + size])

    def shut_down_sending(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Closes with a TCP reset instead of an orderly end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    # Receiving.

    def _receive(self) -> bool:
        """Waits for more bytes; returns False at the end of the connection, ConnectionResetError included."""
        if self.is_at_end:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.is_at_end = not data
        self.buffer += data
        return bool(data)

    def _take(self, count: int) -> bytes:
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def read_until(self, mark: bytes) -> bytes:
        """Returns everything up to and with `mark`; raises ProtocolError when the connection ends before."""
        while mark not in self.buffer:
            if not self._receive():
                raise ProtocolError(f"connection ended before {mark!r}: {bytes(self.buffer)!r}")
        return self._take(self.buffer.index(mark) + len(mark))

    def read_bytes(self, count: int) -> bytes:
        """Returns `count` bytes, or fewer when the connection ends before."""
        while len(self.buffer) < count and self._receive():
            pass
        return self._take(count)

    def read_to_end(self) -> bytes:
        """Returns all that is sent until the server closes."""
        while self._receive():
            pass
        return self._take(len(self.buffer))

    def is_closed_by_server(self) -> bool:
        """Waits for the server's next move: True when it closes, False when it sends bytes."""
        return not self.buffer and not self._receive()

    def is_silent(self, seconds: float = 0.05) -> bool:
        """Whether nothing, not even the end, comes within a short time; for showing that something does not happen."""
        if self.buffer or self.is_at_end:
            return False
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except socket.timeout:
            return True
        except ConnectionResetError:
            return False
        finally:
            self.socket.settimeout(LIMIT_S)

    def read_head(self) -> Response:
        """Reads a status line and fields, checking their form (RFC 9112 4, 5)."""
        head = self.read_until(b"\r\n\r\n")
        lines = head[:-4].split(b"\r\n")
        version, _, rest = lines[0].partition(b" ")
        status, _, reason = rest.partition(b" ")
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(status) != 3 or not status.isdigit():
            raise ProtocolError(f"not a status line: {lines[0]!r}")
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not name or name.strip() != name or b"\n" in line or b"\r" in line:
                raise ProtocolError(f"not a field: {line!r}")
            headers.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
        return Response(version.decode(), int(status), reason.decode("latin-1"), headers, head)

    def read_response(self, method: str = "GET") -> Response:
        """Reads one response with its body; `method` is that of the request it answers. Interim responses count as
        one."""
        response = self.read_head()
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return response
        coding = response.header("Transfer-Encoding")
        length = response.header("Content-Length")
        if coding is not None and length is not None:
            raise ProtocolError("both Transfer-Encoding and Content-Length")
        if coding is not None:
            self._read_chunked(response)
        elif length is not None:
            response.framing = "length"
            response.body = self.read_bytes(int(length))
            response.is_complete = len(response.body) == int(length)
        else:
            response.framing = "close"
            response.body = self.read_to_end()
        return response

    def read_chunk(self) -> bytes:
        """Reads one chunk with its framing; b"" is the last one."""
        size_line = self.read_until(b"\r\n")[:-2]
        size = int(size_line, 16)
        data = self.read_bytes(size + 2)
        if data[size:] != b"\r\n":
            raise ProtocolError(f"chunk of {size} bytes ends with {data[size:]!r}")
        return data[:size]

    def _read_chunked(self, response: Response) -> None:
        response.framing = "chunked"
        try:
            while True:
                chunk = self.read_chunk()
                if not chunk:
                    break
                response.chunks.append(chunk)
        except (ProtocolError, ValueError):
            response.is_complete = False
        response.body = b"".join(response.chunks)

    # Both.

    def request(self, target: str = "/", method: str = "GET", **options) -> Response:
        self.send(make_request(target, method, **options))
        return self.read_response(method)
