# SPDX-License-Identifier: MIT
"""The soak for twenty seconds; and that it finds what it is there for."""

from __future__ import annotations

import collections
import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "integration"), str(HERE)]

from census import Memory  # noqa: E402
from support.stress import LOST, RIGHT, Account, find_mistakes  # noqa: E402


class Ledger:
    """What the application would have written."""

    def __init__(self, *names: str):
        self.names = names

    def begun(self) -> list[str]:
        return list(self.names)

    def lines(self, word: str) -> list[tuple[str, int]]:
        return [(name, 100) for name in self.names]


class Client:
    def __init__(self, *accounts: Account):
        self.accounts, self.mistakes = list(accounts), []


def make_account(outcome: str) -> Account:
    return Account("1-0", "fast", alive_s=1.0, sent_s=2.0, ended_s=3.0, outcome=outcome, pid=100)


@pytest.mark.parametrize("options", [[], ["--preload"]])
def test_twenty_seconds(options):
    run = subprocess.run(
        [sys.executable, HERE / "soak.py", "--minutes", "0.33", "--seed", "11", "--rate", "60", *options],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "descriptors and processes: as at the start" in run.stdout


@pytest.mark.parametrize(
    "ledger, account, killed, found",
    [
        (Ledger("1-0"), make_account(RIGHT), {}, None),
        (Ledger("1-0", "1-0"), make_account(RIGHT), {}, "called 2 times"),
        (Ledger(), make_account(RIGHT), {}, "was answered"),
        (Ledger("1-0"), make_account(LOST), {}, "which lives"),
        (Ledger(), make_account(LOST), {}, "nobody was killed"),
        (Ledger(), make_account(LOST), {100: (3.5, 3.6)}, "nobody was killed"),
        (Ledger(), make_account(LOST), {100: (2.5, 2.6)}, None),
        (Ledger("1-0", "1-1"), make_account(RIGHT), {}, "nobody asked for"),
    ],
)
def test_what_the_accounts_find(ledger, account, killed, found):
    mistakes = find_mistakes(ledger, [Client(account)], killed, 1)
    assert (mistakes == []) if found is None else (found in mistakes[0])


def test_memory_that_grows_is_found():
    flat, growing = (Memory("x", "worker", 1, 600) for _ in range(2))
    flat.samples = [(i / 100, 9000 + i % 7, 1) for i in range(100)]
    growing.samples = [(i / 100, 9000 + 100 * i, 1) for i in range(100)]
    assert flat.check() is None
    assert "has grown" in growing.check()


def test_descriptors_that_stay_are_found():
    from census import find_more

    assert find_more(collections.Counter(socket=2, pipe=1), collections.Counter(socket=3, pipe=1)) == {"socket": 1}
