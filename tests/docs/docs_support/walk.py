# SPDX-License-Identifier: MIT
"""Does what a section of a document says, in its order, and compares what comes with what is shown."""

from __future__ import annotations

import re

from docs_support.output import missing_lines
from docs_support.pages import ROOT, commands_of
from docs_support.terminal import Wrong
from docs_support.unrunnable import find_exemption, words_of

# Blocks of other kinds are not run. `log`: lines that the last server of the section has written.
CONSOLE, LOG = "console", "log"
QUESTIONS = ("--install", "--help", "-h", "--version", "--print-config", "--check-config")
COMMANDS = re.findall(r'^COMMAND\("([\w-]+)"', (ROOT / "csrc/config/commands.def").read_text(encoding="utf-8"), re.MULTILINE)


def is_server(command):
    """clutch or setup/offload alone, no subcommand, without one of the options that only print something."""
    if not re.match(r"(?:\w+=\S+ )*(?:clutch\s|setup/offload\b)", command):
        return False
    words = words_of(command)
    if words[1:] and words[1] in COMMANDS:
        return False
    return not any(word.startswith(QUESTIONS) or word.endswith(";") or word in ("&&", "||", "|", "&") for word in words)


class Walk:
    """`name` of the page, for messages."""

    def __init__(self, name, terminal):
        self.name = name
        self.terminal = terminal
        self.expected_of_server = []  # commands and blocks whose lines the running server is to have written
        self.last_server = None

    def section(self, section):
        for block in section.blocks:
            if block.kind == CONSOLE:
                for command in commands_of(block):
                    self._do(command)
            elif block.kind == LOG:
                self._take_log(block)
        self._settle()

    def _do(self, command):
        exemption = find_exemption(command.text)
        try:
            if exemption is not None:
                exemption.check(command.text)
            elif is_server(command.text):
                self._settle()
                self.last_server = self.terminal.start(command.text)
                self.expected_of_server.append((command.number, command.shown))
            else:
                self._compare(command.number, command.shown, self.terminal.run(command.text))
        except Wrong as error:
            raise Wrong(f"{self.name}:{command.number}: {error}") from None

    def _take_log(self, block):
        if self.last_server is None:
            raise Wrong(f"{self.name}:{block.number}: a log, and no server has been started in this section")
        self.expected_of_server.append((block.number, block.lines))

    def _settle(self):
        """Ends the running server, if any, and compares what it has written: all of it is there only now."""
        if self.terminal.server is not None:
            self.terminal.end_server()
        expected, self.expected_of_server = self.expected_of_server, []
        for number, lines in expected:
            self._compare(number, lines, self.last_server.text())

    def _compare(self, number, shown, output):
        missing = missing_lines([line.text for line in shown], output)
        if missing:
            raise Wrong(
                f"{self.name}:{number}: shown, and not there in this run:\n  "
                + "\n  ".join(missing)
                + f"\n--- the output:\n{output}"
            )
