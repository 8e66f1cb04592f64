# SPDX-License-Identifier: MIT
"""The page that explains lines of trouble: which ones it has, and what is missing or has gone."""

from __future__ import annotations

from docs_support.pages import CODE_SPAN

BEGIN = "# Lines that mean trouble\n"

# Lines whose words stand elsewhere in the sources: {what the collector finds: what the page has instead}.
# With nothing behind it the page describes them in words.
SAID_ELSEWHERE = {
    "…": ("… was killed by signal … (…), age … s", "… exited with status …, age … s", "reload failed: …; generation … serves on",
          "reload failed: …; of generation … no worker serves now"),
    "…: …": (),
    "… (said once)": (),
}


def lines_of_page(text):
    """The code spans of the first column of all tables below the heading."""
    rows = [row for row in text.split(BEGIN)[1].splitlines() if row.startswith("| ") and not row.startswith("| line ")]
    return [span for row in rows for span in CODE_SPAN.findall(row.split(" | ")[0])]


def mistakes_in_page(text, sources, all_texts):
    """`sources`: lines of trouble; `all_texts`: every text of the sources. Returns texts."""
    there = lines_of_page(text)
    elsewhere = [line for found in SAID_ELSEWHERE if found in sources for line in SAID_ELSEWHERE[found]]
    wanted = (set(sources) | set(elsewhere)) - set(SAID_ELSEWHERE)
    mistakes = [f"no paragraph for the line: {line}" for line in sorted(wanted - set(there))]
    mistakes += [f"nothing writes the line: {line}" for line in sorted(set(there) - wanted - set(SAID_ELSEWHERE))]
    mistakes += [f"two paragraphs for the line: {line}" for line in sorted(set(there)) if there.count(line) > 1]
    return mistakes + [f"nothing says any more: {line}" for line in elsewhere if line not in all_texts]
