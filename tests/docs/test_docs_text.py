# SPDX-License-Identifier: MIT
"""What the documents name is there: links, anchors, files, options. And the pictures are pictures."""

import re

import pytest
from docs_support.diagrams import mistakes_in
from docs_support.names import mistakes_in_names
from docs_support.pages import ROOT, Page, all_pages

WIDEST = 150


def broken_links(page):
    """Returns texts for relative links that lead nowhere."""
    broken = []
    for number, target in page.links():
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / page.path.parent / file).resolve() if file else ROOT / page.path
        if file and not path.exists():
            broken.append(f"{page}:{number}: there is no {target}")
        elif anchor and path.suffix == ".md":
            there = page if not file else Page(path.relative_to(ROOT).as_posix())
            if anchor not in there.anchors():
                broken.append(f"{page}:{number}: no heading makes the anchor of {target}")
    return broken


def wide_lines(page):
    """Tables cannot be broken."""
    return [
        f"{page}:{line.number}: {len(line.text)} columns"
        for line in page.prose
        if len(line.text) > WIDEST and not line.text.startswith(("|", "![", "* [", "  <img"))
    ]


@pytest.mark.parametrize("page", all_pages(), ids=str)
def test_links_lead_somewhere(page):
    assert broken_links(page) == []


@pytest.mark.parametrize("page", all_pages(), ids=str)
def test_files_and_options_exist(page):
    assert mistakes_in_names(page) == []


@pytest.mark.parametrize("page", all_pages(), ids=str)
def test_pictures_are_well_formed(page):
    mistakes = [
        f"{page}:{block.number}: {mistake}" for block in page.blocks("mermaid") for mistake in mistakes_in(block)
    ]
    assert mistakes == []


@pytest.mark.parametrize("page", all_pages(), ids=str)
def test_lines_are_not_too_wide(page):
    assert wide_lines(page) == []
