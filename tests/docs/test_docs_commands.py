# SPDX-License-Identifier: MIT
"""Runs every command of every document, section by section, each in a copy of the project and a network of its own."""

import concurrent.futures
import re

import pytest
from docs_support.fixtures import binary  # noqa: F401 (a fixture)
from docs_support.pages import all_pages, commands_of
from docs_support.terminal import Terminal, can_have_namespace
from docs_support.unrunnable import EXEMPTIONS, find_exemption
from docs_support.walk import CONSOLE, LOG, Walk

AT_ONCE = 3
KINDS = {CONSOLE, LOG, "", "python", "json", "mermaid", "nginx", "dockerfile", "yaml", "diff", "text"}


def sections_with_commands():
    return [
        pytest.param(page, section, id=f"{page}: {section.title}")
        for page in all_pages()
        for section in page.sections
        if any(block.kind == CONSOLE for block in section.blocks)
    ]


def all_commands():
    return [command for page in all_pages() for block in page.blocks(CONSOLE) for command in commands_of(block)]


def walk(page, section, directory, binary):
    with Terminal(directory, binary) as terminal:
        Walk(page, terminal).section(section)


@pytest.fixture(scope="module")
def walks(request, binary, tmp_path_factory):
    """All walks that were asked for, begun at once: they sleep mostly. Without networks of their own they would
    meet at the same ports, so then one follows the other."""
    asked = [item.callspec.params for item in request.session.items if "walks" in getattr(item, "fixturenames", ())]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE if can_have_namespace() else 1) as pool:
        yield {
            (str(params["page"]), params["section"].number): pool.submit(
                walk, params["page"], params["section"], tmp_path_factory.mktemp("walk"), binary
            )
            for params in asked
        }


@pytest.mark.timeout(900)  # it waits for those before it, and for the longest of all commands
@pytest.mark.parametrize("page, section", sections_with_commands())
def test_commands_do_what_is_shown(page, section, walks):
    walks[str(page), section.number].result()


@pytest.mark.parametrize("page", all_pages(), ids=str)
def test_commands_stand_in_console_blocks(page):
    """A command in another kind of block would not be run."""
    for section in page.sections:
        for block in section.blocks:
            assert block.kind.lower() in KINDS, f"{page}:{block.number}: a block of an unknown kind {block.kind!r}"
            if block.kind != CONSOLE:
                hidden = [line.number for line in block.lines if re.match(r"\s*[$#] \w", line.text)]
                assert block.kind in ("dockerfile", "yaml", "python", "nginx") or not hidden, (
                    f"{page}: command in line {hidden}"
                )


def test_every_exemption_is_needed():
    used = {find_exemption(command.text) for command in all_commands()}
    assert [exemption.pattern for exemption in EXEMPTIONS if exemption not in used] == []
