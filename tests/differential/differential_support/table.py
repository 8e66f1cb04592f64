# SPDX-License-Identifier: MIT
"""The table of README.md: a row for each case of tests/cases/http1, a column for each server, with its version."""

from __future__ import annotations

import os
import pathlib

from support.cases import Case, read_folder

PAGE = pathlib.Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
LONGEST_BYTES = 4000  # longer ones are cut off by servers at moments that differ
FIRST = ("clutch", "nginx")
HOW = "to write it anew, with what is installed here: CLUTCH_WRITE_TABLE=1 setup/test tests/differential"

Column = dict[str, str]


def read_cases() -> list[Case]:
    return [case for case in read_folder("http1") if len(case.data) < LONGEST_BYTES]


def is_to_be_written() -> bool:
    return bool(os.environ.get("CLUTCH_WRITE_TABLE"))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def read_table() -> tuple[dict[str, str], dict[str, Column]]:
    """Returns the version of each server, and its column: the verdict for the id of each case."""
    lines = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].splitlines()
    if len(lines) < 2:
        return {}, {}
    heads = [cell.split() for cell in cells(lines[0])[1:]]
    names = [head[0] for head in heads]
    columns: dict[str, Column] = {name: {} for name in names}
    for line in lines[2:]:
        row, *verdicts = cells(line)
        for name, verdict in zip(names, verdicts):
            columns[name][row] = verdict
    return {head[0]: head[-1] for head in heads}, columns


def write_column(name: str, version: str, column: Column) -> None:
    """Puts one column in the place of the one that was there; cases that are no more are left out."""
    versions, columns = read_table()
    versions[name], columns[name] = version, column
    names = [name for name in FIRST if name in columns] + sorted(set(columns) - set(FIRST))
    lines = ["| case | " + " | ".join(f"{name} {versions[name]}" for name in names) + " |"]
    lines.append("|" + "---|" * (len(names) + 1))
    for case in read_cases():
        lines.append(f"| {case.id} | " + " | ".join(columns[name].get(case.id, "?") for name in names) + " |")
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after, encoding="utf-8")


def check_column(name: str, version: str, column: Column, *, is_own: bool = False) -> None:
    """Fails when the table tells something else of this version of the server (of clutch: of any version)."""
    if is_to_be_written():
        write_column(name, version, column)
    versions, columns = read_table()
    if not is_own and versions.get(name) != version:
        return
    told = columns.get(name, {})
    wrong = {row: (told.get(row), verdict) for row, verdict in column.items() if told.get(row) != verdict}
    assert not wrong, f"{PAGE.name} tells of {name} (told, found): {wrong}; {HOW}"
    gone = sorted(set(told) - set(column))
    assert not gone, f"{PAGE.name} has cases that are no more: {gone}; {HOW}"
