# SPDX-License-Identifier: MIT
"""What the terminal shows while a comparison runs: a bar with the time left; plain lines where the output is no
terminal."""

from __future__ import annotations

import time
from typing import List, Optional

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress as Bars, ProgressColumn, SpinnerColumn, TextColumn
from rich.text import Text

SHOW_S = 0.05  # not after every request: the load generator would be slower for it


class Left(ProgressColumn):
    """The time left; it counts down also while no request ends."""

    def __init__(self, progress: "Progress"):
        super().__init__()
        self.progress = progress

    def render(self, _task) -> Text:
        return Text(self.progress.describe_left(), style="dim")


class Progress:
    """The steps of a plan, each with the seconds that it is expected to take.

    with Progress(console, [2.0, 1.0]) as progress:
        progress.begin("sleeping: 1 worker x 1 thread", of=20)
        progress.advance()      # one request of the 20 has ended
        progress.end("20 answered in 6.1 s")
    """

    def __init__(self, console: Console, expected: List[float]):
        self.console = console
        self.expected = list(expected)
        self.step = -1
        self.label = ""
        self.of: Optional[int] = None
        self.ended = 0  # requests of this step
        self.begun_s = self.shown_s = 0.0
        self.spent_s = 0.0  # on the steps that are done
        self.bars: Optional[Bars] = None

    def __enter__(self) -> "Progress":
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            columns = (SpinnerColumn(), BarColumn(bar_width=24), TextColumn("{task.description}"), Left(self))
            self.bars = Bars(*columns, console=self.console, transient=True)
            self.task = self.bars.add_task("", total=sum(self.expected) or 1.0)
            self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bars is not None:
            self.bars.stop()
            self.bars = None

    def begin(self, label: str, of: Optional[int] = None) -> None:
        """The next step begins; `of` is how many requests it has."""
        self.step += 1
        if self.step == len(self.expected):
            self.expected.append(1.0)
        self.label, self.of, self.ended = label, of, 0
        self.begun_s = time.monotonic()
        self._show()

    def advance(self) -> None:
        """A request of this step has ended."""
        self.ended += 1
        if time.monotonic() - self.shown_s >= SHOW_S:
            self._show()

    def end(self, result: str = "") -> None:
        """This step is done; `result` is printed."""
        self.spent_s += time.monotonic() - self.begun_s
        self.ended = self.of or 0
        self._show(is_done=True)
        if result:
            self.say(f"{self.label}: {result}" + ("" if self.bars else f"; {self.describe_left(is_done=True)}"))

    def expect(self, seconds: List[float]) -> None:
        """Corrects what the steps after this one are expected to take."""
        self.expected[self.step + 1 :] = seconds

    def skip(self, steps: int) -> None:
        """The next `steps` steps are left out."""
        del self.expected[self.step + 1 : self.step + 1 + steps]

    def say(self, text: str) -> None:
        """Prints a line, or several, above the bar."""
        self.console.print(escape(text), highlight=False, soft_wrap=True)

    # How much is left.

    def left_s(self, is_done: bool = False) -> float:
        """Returns the seconds that are probably left: what is expected, at the pace of the steps so far."""
        done = sum(self.expected[: self.step + is_done])
        pace = self.spent_s / done if done > 0 and self.spent_s > 0 else 1.0
        rest = sum(self.expected[self.step + is_done :]) * pace
        return max(0.0, rest - (0.0 if is_done else time.monotonic() - self.begun_s))

    def describe_left(self, is_done: bool = False) -> str:
        """Returns "about 12 s left", for a terminal."""
        if self.step < 0:
            return ""
        left = self.left_s(is_done)
        if self.step + 1 >= len(self.expected) and is_done:
            return "the last one"
        return f"about {left:.0f} s left" if left < 100 else f"about {left / 60:.0f} min left"

    def _show(self, is_done: bool = False) -> None:
        self.shown_s = time.monotonic()
        if self.bars is None:
            return
        share = 1.0 if is_done else (self.ended / self.of if self.of else 0.0)
        completed = sum(self.expected[: self.step]) + share * self.expected[self.step]
        text = escape(self.label) + (f" {self.ended}/{self.of}" if self.of else "")
        self.bars.update(self.task, total=sum(self.expected) or 1.0, completed=completed, description=text)
