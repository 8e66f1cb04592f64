# SPDX-License-Identifier: MIT
"""Draws the picture of the README from the raw results, as SVG: what a request costs, and what it waits while others are slow."""

from xml.sax.saxutils import escape

import report
import rows
import servers

WIDTH, PANEL, LABELS, BAR, GAP, TOP = 960, 300, 170, 18, 10, 64
OURS, THEIRS, INK, FAINT = "#c2410c", "#64748b", "#1e293b", "#94a3b8"


def text(x, y, content, size=13, colour=INK, anchor="start", weight="normal"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}">'
            f"{escape(content)}</text>")


def figure_text(value, unit):
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}" if value >= 10 else f"{value:.2f} {unit}"


def panel(x, heading, subtitle, entries, unit, order):
    """Yields the bars of one panel. `entries` is {server: figure or None}; bars are as long as their figures (not logarithmic: a reader
    compares lengths), cut where one is more than eight times the median of the others."""
    yield text(x + LABELS, 24, heading, 15, weight="bold")
    yield text(x + LABELS, 43, subtitle, 12, FAINT)
    known = sorted(value for value in entries.values() if value is not None)
    longest = min(known[-1], 8 * known[len(known) // 2]) if known else 1
    for index, name in enumerate(order):
        y, value = TOP + index * (BAR + GAP), entries.get(name)
        yield text(x + LABELS - 8, y + 13, servers.title(name), anchor="end", weight="bold" if name == "clutch" else "normal")
        if value is None:
            yield text(x + LABELS, y + 13, "failed or not measured", 12, FAINT)
            continue
        length = max(1.0, (PANEL - LABELS + 60) * min(value, longest) / longest)
        yield f'<rect x="{x + LABELS}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{OURS if name == "clutch" else THEIRS}"/>'
        if value > longest:
            yield f'<path d="M{x + LABELS + length - 14:.0f} {y + BAR} l6 -{BAR}" stroke="white" stroke-width="3"/>'
        yield text(x + LABELS + length + 6, y + 13, figure_text(value, unit), 12)


def figures(results, metric, scale):
    return {name: None if (value := report.median(entry, metric)) is None else value * scale
            for name, entry in results["servers"].items()}


def draw(directory, path):
    """Writes the picture; without the results of both rows there is none. Returns whether there is one."""
    measured = {row.name: results for row, results in report.read(directory)}
    if not {"hello-32", "two-asleep"} <= measured.keys():
        return False
    cost = figures(measured["hello-32"], "cpu_us", 1)
    wait = figures(measured["two-asleep"], "p99_us", 1e-3)
    order = sorted(rows.ALL, key=lambda name: (cost.get(name) is None, cost.get(name)))
    height = TOP + len(order) * (BAR + GAP) + 16
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" role="img">',
             "<title>CPU time of a request, and the wait of fast requests beside slow ones, by server</title>",
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             *panel(0, "What a request costs", "hello world, 32 connections: CPU of the server", cost, "µs", order),
             *panel(WIDTH / 2, "What it waits while others are slow", "4 workers, 2 of them asleep: 99th percentile", wait, "ms", order),
             "</svg>\n"]
    path.write_text("\n".join(parts), encoding="utf-8")
    return True
