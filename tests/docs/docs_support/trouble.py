# SPDX-License-Identifier: MIT
"""The lines of the log that mean trouble, as the sources have them: every warning, error and critical message.

A line is the format of the message with `…` for each of its conversions: "… was killed by signal … (…)".
"""

from __future__ import annotations

import functools
import re

from docs_support.pages import ROOT, tracked_files

LITERAL = r'"(?:\\.|[^"\\])*"'
# LOG_AT with a level that is computed counts: it may be a warning. log_write() is what the others are made of.
CALL = re.compile(
    rf"\b(?:log_(?:warning|error|critical)|LOG_AT|H1_LOG_EVENT|write_now|log_write|log_report)\s*\(\s*(?:(?P<level>[\w()&->. ]+?)\s*,\s*)?(?P<format>{LITERAL}(?:\s*{LITERAL})*)"
)
# An exception of Python's: the text, then what the exception says.
PYTHON = re.compile(rf"\berrors_log\s*\([^\"();]*?(?P<format>{LITERAL}(?:\s*{LITERAL})*)")
ONCE = re.compile(rf"\bwarn_once\s*\([^\"();]*?(?P<format>{LITERAL}(?:\s*{LITERAL})*)")
HARMLESS = ("LOG_LEVEL_INFO", "LOG_LEVEL_DEBUG")
# A report has its level where it is made: {.level = LOG_LEVEL_INFO, ...}
HARMLESS_REPORT = re.compile(
    rf"(struct log_report (\w+) = \{{\.level = ({'|'.join(HARMLESS)})\b(?:(?!struct log_report).)*?)\blog_report\(&\2,",
    re.DOTALL,
)
CONVERSION = re.compile(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def text_of(literals):
    """What the string literals say together."""
    text = "".join(re.findall(r'"((?:\\.|[^"\\])*)"', literals))
    return text.replace('\\"', '"').replace("\\\\", "\\").replace("%%", "\0")


def line_of(literals):
    """The message with … for what differs; a plural that is put in ("line%s") counts as the singular."""
    text = re.sub(r"(?<=[a-z])%s(?= |:|;|,|$)", "", text_of(literals))
    return re.sub(r"…(?:\s?…)+", "…", CONVERSION.sub("…", text)).replace("\0", "%").strip()


def lines_of(source):
    """The lines of one source text; those that are nothing but `…` have their words elsewhere."""
    source = re.sub(r'"\s*PRI[duxX]\d+\s*"', "lu", COMMENT.sub("", source))
    source = HARMLESS_REPORT.sub(r"\1LOG_AT(\3,", source)
    found = {line_of(call["format"]) for call in CALL.finditer(source) if call["level"] not in HARMLESS}
    found |= {line_of(call["format"]) + ": …" for call in PYTHON.finditer(source)}
    return found | {line_of(call["format"]) + " (said once)" for call in ONCE.finditer(source)}


def sources():
    return [path for path in tracked_files() if re.fullmatch(r"csrc/.*\.[ch]", path)]


@functools.cache
def trouble_lines():
    """{line: [file, ...]}"""
    found = {}
    for path in sources():
        for line in lines_of((ROOT / path).read_text(encoding="utf-8")):
            found.setdefault(line, []).append(path)
    return found


@functools.cache
def all_texts():
    """Every text in the sources, as lines."""
    return {
        line_of(literals)
        for path in sources()
        for literals in re.findall(
            rf"{LITERAL}(?:\s*{LITERAL})*", COMMENT.sub("", (ROOT / path).read_text(encoding="utf-8"))
        )
    }
