# SPDX-License-Identifier: MIT
"""Markdown pages as the tests see them: headings, fenced blocks, prose, links, commands with the output shown for them.

Only what these documents use of Markdown: ATX headings, fences of three backquotes, inline links, images, code spans.
"""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
GENERATED = re.compile(r"<!-- options: made by setup/reference -->.*?<!-- end of options -->", re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^()\s]+)\)")
IMAGE = re.compile(r'\b(?:src|srcset)="([^"]+)"')
CODE_SPAN = re.compile(r"`([^`\n]+)`")


@dataclasses.dataclass(frozen=True)
class Line:
    number: int  # from 1
    text: str


@dataclasses.dataclass
class Block:
    """A fenced block. `kind` is the word behind the fence, "" without one."""

    kind: str
    number: int  # line of the opening fence
    lines: list


@dataclasses.dataclass
class Command:
    """A command as it is written behind `$ ` (with the lines it continues on), and the lines shown as its output."""

    text: str
    number: int
    shown: list


@dataclasses.dataclass
class Section:
    """What stands under a heading of the second level, deeper headings included; the first has the page's title."""

    title: str
    number: int
    blocks: list


class Page:
    """`path` is relative to the root of the repository unless `text` is given (then the page is nowhere)."""

    def __init__(self, path, text=None):
        self.path = pathlib.PurePosixPath(path)
        self.text = (ROOT / path).read_text(encoding="utf-8") if text is None else text
        self.prose = []
        self.headings = []
        self.sections = [Section("(beginning)", 1, [])]
        self._split()

    def __repr__(self):
        return str(self.path)

    def _split(self):
        block = None
        for number, text in enumerate(self.text.splitlines(), start=1):
            if block is not None:
                if text.strip() == "```":
                    block = None
                else:
                    block.lines.append(Line(number, text))
            elif text.startswith("```"):
                block = Block(text[3:].strip(), number, [])
                self.sections[-1].blocks.append(block)
            else:
                self._take_prose(Line(number, text))
        if block is not None:
            raise ValueError(f"{self.path}:{block.number}: the block has no end")

    def _take_prose(self, line):
        self.prose.append(line)
        heading = re.match(r"(#+) +(.*)", line.text)
        if heading:
            self.headings.append(heading[2])
            if len(heading[1]) == 2:
                self.sections.append(Section(heading[2], line.number, []))

    def blocks(self, kind):
        return [block for section in self.sections for block in section.blocks if block.kind == kind]

    def anchors(self):
        """The names that GitHub gives to the headings."""
        seen, names = {}, set()
        for heading in self.headings:
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
            name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            count = seen[name] = seen.get(name, -1) + 1
            names.add(f"{name}-{count}" if count else name)
        return names

    def links(self):
        """Yields (line number, target)."""
        for line in self.prose:
            text = CODE_SPAN.sub("code", line.text)
            for target in LINK.findall(text) + IMAGE.findall(text):
                yield line.number, target

    def code_spans(self):
        """Yields (line number, text), without the reference of options, which the server itself has written."""
        generated = GENERATED.search(self.text)
        begin, end = (self.text[:at].count("\n") + 1 for at in generated.span()) if generated else (0, 0)
        for line in self.prose:
            if not begin < line.number < end:
                for text in CODE_SPAN.findall(line.text):
                    yield line.number, text


def commands_of(block):
    """The commands of a console block, in order. ValueError when it does not begin with one."""
    commands, goes_on = [], False
    for line in block.lines:
        if goes_on:
            commands[-1].text += "\n" + line.text
        elif line.text.startswith("$ "):
            commands.append(Command(line.text[2:], line.number, []))
        elif commands:
            commands[-1].shown.append(line)
        else:
            raise ValueError(f"line {line.number}: a console block begins with a command behind '$ '")
        goes_on = (goes_on or line.text.startswith("$ ")) and line.text.endswith("\\")
    return commands


@functools.cache
def tracked_files():
    """Paths of all files of the project, relative to its root; without git: of all that look like it."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        return tuple(path for path in listing.stdout.split("\0") if path and (ROOT / path).exists())
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return tuple(str(path) for path in paths if path.parts[0] != "build" and "__pycache__" not in path.parts)


@functools.cache
def all_pages():
    return tuple(Page(path) for path in tracked_files() if path.endswith(".md"))
