# SPDX-License-Identifier: MIT
"""The terminal's tables: every figure of the document, in 80 columns, also without a terminal, with failures in plain
sight."""

import io

import made_documents as made
import pytest
from rich.console import Console

from compare import advice, figures, table


def show(document, width=80, **options):
    """Returns the lines that are printed."""
    output = io.StringIO()
    table.print_tables(document, Console(file=output, width=width, **options))
    return [line.rstrip() for line in output.getvalue().splitlines()]


def with_advice(*experiments, **more):
    document = made.make_document(*experiments, **more)
    document["recommendations"] = advice.recommend(document)
    return document


def row(lines, begin):
    found = [line for line in lines if line.startswith(begin + " ")]
    assert len(found) == 1, f"{begin!r} in {lines}"
    return found[0].split()[len(begin.split()) :]


def test_a_row_has_the_figures_of_its_run():
    lines = show(made.make_document(made.sleeping()))
    #                                answered req/s  p50    p95     p99     waited      GIL     CPU used  PSS
    assert row(lines, "1 x 1") == ["20", "3.3", "3000", "5700", "6000", "2850/5400", "0.01", "0", "%", "10"]
    assert row(lines, "5 x 4") == ["20", "67", "300", "300", "300", "0.00/0.00", "0.01", "2", "%", "34"]
    assert lines[1] == "Sleeping"


def test_a_peer_waits_by_the_clock_of_the_client():
    lines = show(made.make_document(made.with_peers()))
    assert row(lines, "waitress 1 x 4") == ["20", "39", "306", "510", "510", "~204/408", "-", "1", "%", "11"]


def test_failures_are_in_plain_sight():
    document = made.make_document(made.failing())
    document["experiments"][0]["runs"][0]["notes"] = [
        "5 of 20 requests failed: 5 x status 500\n  [bold]ValueError[/bold]"
    ]
    lines = show(document)
    assert row(lines, "1 x 1")[:3] == ["15", "of", "20"]
    assert row(lines, "2 x 1") == ["error"] + ["-"] * 8
    at = lines.index("2 workers x 1 thread: exit status 3")
    assert lines[at + 1 : at + 3] == ["    Traceback (most recent call last):", "    ImportError: no shop"]
    assert "      [bold]ValueError[/bold]" in lines, "what an application says is no markup"


def test_recommendations_with_their_reasons():
    lines = show(with_advice(made.spinning()))
    at = lines.index("Recommendations: Spinning")
    assert lines[at + 1].startswith("* Deploy `clutch --workers 2 APP`: the smallest memory")
    assert lines[at + 2].startswith("  ")
    assert any(line.startswith("  - 2 workers x 1 thread: 20 requests/s, p95 1 s") for line in lines[at:])


def test_recommendations_of_several_experiments_leave_their_reasons_to_the_page():
    lines = show(with_advice(made.spinning(), made.sleeping()))
    assert any(line.startswith("* Deploy") for line in lines)
    assert not any(line.startswith("  - ") for line in lines)
    assert "The page has the figures behind each of them." in lines


def test_an_offloading_run_says_when_its_jobs_were_done():
    lines = show(made.make_document(made.offloaded()))
    assert any(line.startswith("Celery x 2, 5 x 1  ") for line in lines), "one line of the table"
    assert "1.25 s (mean), 1.25 s (p95)" in " ".join(lines)


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("name", made.ALL)
def test_everything_fits_80_columns(name, terminal):
    lines = show(
        with_advice(made.ALL[name](), interrupted=True),
        force_terminal=terminal,
        color_system=None,
        soft_wrap=not terminal,
    )
    assert max(map(len, lines)) <= 80
    assert "Interrupted: this is what was measured until then." in lines


def test_nothing_is_cut_off_at_80_columns():
    experiment = made.make_experiment("large", [made.make_run(20, 20, 300.0, server="waitress", base_mib=100000.0)])
    lines = show(made.make_document(experiment))
    assert max(map(len, lines)) <= 80 and not any("…" in line for line in lines)
    assert "300000" in " ".join(lines) and "100180" in " ".join(lines)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"experiments": []},
        {"experiments": [{"name": "a"}], "recommendations": None},
        {"experiments": [{"title": "A", "runs": [{"server": "clutch", "requests": []}]}]},
    ],
)
def test_partial_documents(document):
    show(document)


def test_requests_cut_short_are_counted_as_sent():
    run = made.make_run(1, 1, 0.3)
    for request in run["requests"][12:]:
        request.update(answered_us=None, status=None, error=figures.INTERRUPTED)
    run["figures"] = figures.summarize(run)
    assert row(show(made.make_document(made.make_experiment("a", [run]))), "1 x 1")[:3] == ["12", "of", "20"]


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "-"),
        (0, "0.00"),
        (0.049, "0.05"),
        (0.99, "0.99"),
        (0.996, "1.0"),
        (9.94, "9.9"),
        (9.96, "10"),
        (1519.7, "1520"),
    ],
)
def test_short_numbers(value, text):
    assert table.short(value) == text


@pytest.mark.parametrize(
    "width, missing", [(80, []), (60, ["GIL", "p99"]), (36, ["GIL", "p50", "p99", "waited", "CPU"])]
)
def test_a_narrow_terminal_has_fewer_columns(width, missing):
    """The setting, its answers, their rate and p95 are there in any case, and nothing is cut into dots."""
    lines = show(made.make_document(made.sleeping()), width=width)
    heading = " ".join(lines[2:4])
    assert {name for name in ("p50", "p99", "waited", "GIL", "CPU") if name not in heading} == set(missing)
    assert "…" not in "".join(lines) and row(lines, "1 x 1")[:2] == ["20", "3.3"] and "p95" in heading
    assert any("need a wider terminal" in line for line in lines) is bool(missing)
