# SPDX-License-Identifier: MIT
"""The operations guide explains every line of the log that means trouble, and no other."""

import pytest
from docs_support.pages import ROOT
from docs_support.trouble import all_texts, lines_of, trouble_lines
from docs_support.trouble_page import BEGIN, lines_of_page, mistakes_in_page

GUIDE = ROOT / "setup/operations.md"


def test_every_line_of_trouble_is_explained():
    """A new warning or error needs a paragraph; a paragraph goes with its line."""
    assert mistakes_in_page(GUIDE.read_text(encoding="utf-8"), trouble_lines(), all_texts()) == []


def page(*lines):
    return BEGIN + "".join(f"| `{line}` | why |\n" for line in lines)


@pytest.mark.parametrize(
    "lines, sources, mistakes",
    [
        (["one …", "two"], {"one …", "two"}, 0),
        (["one …"], {"one …", "two"}, 1),
        (["one …", "two"], {"one …"}, 1),
        (["one …", "one …"], {"one …"}, 1),
        (["one …", "one other …"], {"one …"}, 1),
    ],
)
def test_missing_and_stale_paragraphs_are_found(lines, sources, mistakes):
    assert len(mistakes_in_page(page(*lines), sources, sources)) == mistakes


def test_text_that_is_said_elsewhere_has_to_be_there():
    line = "… exited with status …, age … s"
    sources = {"…"}
    complete = [*lines_of_page(page(line)), "… was killed by signal … (…), age … s", "reload failed: …; generation … serves on",
                "reload failed: …; of generation … no worker serves now"]
    assert mistakes_in_page(page(*complete), sources, set(complete)) == []
    assert mistakes_in_page(page(*complete), sources, set(complete) - {line}) == [f"nothing says any more: {line}"]


@pytest.mark.parametrize(
    "source, lines",
    [
        ('log_warning("%s of %d has %.1f %%", a, b, c);', {"… of … has … %"}),
        ('log_error("one "\n          "two line%s: %s", a, b);', {"one two line: …"}),
        ('LOG_AT(level, "%s", text);', {"…"}),
        ('H1_LOG_EVENT(LOG_LEVEL_ERROR, "gone: %s", why);', {"gone: …"}),
        ('log_warning("%" PRIu64\n            " more", n);', {"… more"}),
        ('LOG_AT(LOG_LEVEL_INFO, "fine");', set()),
        ('log_info("fine"); log_debug("fine");', set()),
        ('write_now(LOG_LEVEL_WARNING, "%u lines", n);', {"… lines"}),
        ('errors_log(errors, "@clutch.%s failed", n);', {"@clutch.… failed: …"}),
        ('errors_log(&errors[1], "x");', {"x: …"}),
        ('log_report(&report, "it said %s:", what);', {"it said …:"}),
        ('struct log_report r = {.level = LOG_LEVEL_INFO};\nf();\nlog_report(&r, "fine");', set()),
        ('struct log_report r = {.level = LOG_LEVEL_ERROR};\nlog_report(&r, "bad");', {"bad"}),
        ('warn_once(&flag, "odd");', {"odd (said once)"}),
        ('/* log_error("a comment") */', set()),
        ('log_critical("\\"%.*s\\"", n, s);', {'"…"'}),
    ],
)
def test_lines_are_found_in_sources(source, lines):
    assert lines_of(source) == lines
