# SPDX-License-Identifier: MIT
"""Reads the request cases of tests/cases (their format: tests/cases/README.md)."""

from __future__ import annotations

import json
import pathlib
import re
from dataclasses import dataclass, field

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "cases"

SIMPLE_ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\", b"0": b"\0"}
ESCAPE = re.compile(rb"\\(?:(?P<simple>[rnt\\0])|x(?P<hex>[0-9a-fA-F]{2}))")
REPEAT = re.compile(rb"\\\{(?P<count>\d+)\}(?P<what>\\x[0-9a-fA-F]{2}|\\[rnt\\0]|.)")


@dataclass
class Case:
    source: str
    name: str
    statuses: list[list[int]] = field(default_factory=list)  # allowed ones of each response
    stays_open: bool = False
    why: str = ""
    log: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    body: str | None = None
    data: bytes = b""

    @property
    def id(self) -> str:
        return f"{self.source}: {self.name}"


def unescape(text: bytes) -> bytes:
    """Turns the escapes of one line into bytes; raises ValueError for an unknown one."""
    text = REPEAT.sub(lambda match: match["what"] * int(match["count"]), text)
    if stray := re.search(rb"\\", ESCAPE.sub(b"", text)):
        raise ValueError(f"unknown escape at {stray.start()} in {text!r}")
    return ESCAPE.sub(
        lambda match: bytes([int(match["hex"], 16)]) if match["hex"] else SIMPLE_ESCAPES[match["simple"]], text
    )


def set_key(case: Case, key: str, value: str) -> None:
    if key == "expect":
        words = "200 open" if value == "served" else value
        *statuses, end = words.split()
        case.statuses = [[int(status) for status in word.split("|")] for word in statuses]
        if end not in ("open", "close"):
            raise ValueError(f"expect: {value!r} must end with open or close")
        case.stays_open = end == "open"
    elif key == "environ":
        name, _, text = value.partition(" = ")
        case.environ[name] = json.loads(text)
    elif key == "absent":
        case.absent.append(value)
    elif key == "body":
        case.body = json.loads(value)
    elif key in ("why", "log"):
        setattr(case, key, value)
    else:
        raise ValueError(f"unknown key {key!r}")


def read_file(path: pathlib.Path) -> list[Case]:
    """Returns the cases of one file; raises ValueError naming the line of a mistake."""
    cases: list[Case] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            if line.startswith(b"=== "):
                cases.append(Case(path.stem, line[4:].decode()))
            elif line.startswith(b"|"):
                cases[-1].data += unescape(line[1:])
            elif line and not line.startswith(b"#"):
                key, _, value = line.decode().partition(":")
                set_key(cases[-1], key.strip(), value.strip())
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path}:{number}: {error}") from error
    for case in cases:
        if not case.statuses or not case.data:
            raise ValueError(f"{path}: {case.name!r} needs `expect` and bytes")
    return cases


def read_folder(name: str) -> list[Case]:
    return [case for path in sorted((FOLDER / name).glob("*.case")) for case in read_file(path)]
