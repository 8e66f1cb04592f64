# SPDX-License-Identifier: MIT
"""Compares the output that a document shows with that of a run: what differs between runs is masked on both sides."""

from __future__ import annotations

import re

LEFT_OUT = "..."

# In this order. Small whole numbers are left as they are: "wave 1: 5 answers" must be what came.
MASKS = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\]"), "[TIME] [PID]"),
    (re.compile(r"\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\]"), "[TIME]"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}:\d+"), "PEER"),
    (re.compile(r"\b(pid|process|\"pid\")(: | )\d+"), r"\1\2PID"),
    (re.compile(r"\b0x[0-9a-f]+\b"), "ADDRESS"),
    (re.compile(r'\bFile "[^"]*/([^"/]+)"'), r'File "\1"'),
    (re.compile(r"\bRequest_\d+"), "REQUEST"),
    (re.compile(r"(\"(?:\w+_us|worker)\": )\d+"), r"\1N"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\b(clutch|CPython|llhttp|Redis|redis-server) \d+(\.\w+)+"), r"\1 VERSION"),
    (re.compile(r"\b\d+ of \d+ CPUs"), "N of N CPUs"),
    (re.compile(r"\b((?:waited|gil|app|write|queue)=)\d+"), r"\1N"),
    (re.compile(r"\bworker \d+\b(?!s)"), "worker N"),
    (re.compile(r"\breq: \d+/\d+"), "req: N/N"),
    (re.compile(r"\{\d+ vars in \d+ bytes\}"), "{VARS}"),
    (re.compile(r"\b(?:\d+(?:\.\d+)?(?:us|ms|s)|\d+(?:d\d\dh|h\d\dm|m\d\ds))\b"), "TIME"),
    (re.compile(r"\b\d[\d,.]* (msecs|ms|us|µs|s|bytes|MiB|KiB|%)(?!\w)"), r"N \1"),
    (re.compile(r"\b\d[\d,]*\.\d+"), "N"),
    (re.compile(r"\b\d{1,3}(?:,\d{3})+\b|\b\d{4,}\b"), "N"),
    (re.compile(r"[─━═\-]{3,}"), "---"),
    (re.compile(r"\s+"), " "),
)

# A row of setup/compare's tables: what was set and how many were answered, then what was measured.
ROW = re.compile(r"(?P<set>\d+ x \d+ +\d+)(?P<measured>( +[~\d.,/%-]+)+)\s*$")


def mask(line):
    """Returns the line with everything masked that may differ from run to run."""
    row = ROW.search(line)
    if row:
        line = line[: row.start("measured")] + re.sub(r"[~\d.,/-]+", "N", row["measured"])
    for pattern, replacement in MASKS:
        line = pattern.sub(replacement, line)
    return line.strip()


def missing_lines(shown, output):
    """The lines of `shown` (texts) that are not in `output`, after masking. `...` stands for any number of lines."""
    there = {mask(line) for line in output.splitlines()}
    return [line for line in shown if line.strip() and line.strip() != LEFT_OUT and mask(line) not in there]
