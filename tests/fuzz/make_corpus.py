# SPDX-License-Identifier: MIT
"""Turns the requests of tests/cases into corpora for the fuzz targets. Usage: make_corpus.py DIRECTORY CASE_FILE..."""
import hashlib
import pathlib
import re
import sys

ESCAPE = re.compile(r"\\(?:\{(?P<count>\d+)\}(?P<repeated>\\x[0-9a-fA-F]{2}|\\.|.)|x(?P<hex>[0-9a-fA-F]{2})|(?P<plain>.))")
PLAIN = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\", "0": b"\0"}
OPERATIONS = range(0x80, 0x94)
SEND_BYTE, PAUSE = b"\x8e", b"\x88"


def unescape(text):
    def replace(match):
        if match["count"]:
            return (unescape(match["repeated"]) * int(match["count"])).decode("latin-1")
        if match["hex"]:
            return chr(int(match["hex"], 16))
        return PLAIN[match["plain"]].decode("latin-1")

    return ESCAPE.sub(replace, text.encode("utf-8").decode("latin-1")).encode("latin-1")


def read_requests(path):
    request = b""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("==="):
            if request:
                yield request
            request = b""
        elif line.startswith("|"):
            request += unescape(line[1:])
    if request:
        yield request


def make_script(request):
    """The request for script.h, sent in two pieces."""
    request = b"".join(SEND_BYTE + bytes([byte]) if byte in OPERATIONS else bytes([byte]) for byte in request)
    half = len(request) // 2
    return b"@" + request[:half] + PAUSE + request[half:]


def main():
    directory = pathlib.Path(sys.argv[1])
    makers = {
        "h1_parse": lambda request: b"\x01" + request,  # the first byte tells how large the pieces are
        "h1_conn": make_script,
    }
    for name, make in makers.items():
        corpus = directory / name
        corpus.mkdir(parents=True, exist_ok=True)
        for path in map(pathlib.Path, sys.argv[2:]):
            for request in read_requests(path):
                data = make(request)
                if len(data) <= 4096:
                    (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    main()
