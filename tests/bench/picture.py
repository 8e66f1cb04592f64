# SPDX-License-Identifier: MIT
"""Draws the picture of the README from the raw results, as SVG: each server at the place of what a request costs it (to the right) and
what fast requests wait while two of four workers sleep (upwards), both logarithmic. The best place is the corner at the lower left."""

import math
from xml.sax.saxutils import escape

import report
import servers

WIDTH, HEIGHT = 860, 460
LEFT, RIGHT, TOP, BOTTOM = 80, 830, 56, 390
OURS, THEIRS, INK, FAINT, LINE = "#c2410c", "#475569", "#1e293b", "#64748b", "#e2e8f0"
LABEL_HEIGHT, LABEL_GAP, LETTER_WIDTH = 16, 11, 7.5


def text(x, y, content, size=13, colour=INK, anchor="start", weight="normal", turn=""):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}"{turn}>'
            f"{escape(content)}</text>")


class Axis:
    """A logarithmic axis from pixel to pixel that holds the values, with a margin."""

    def __init__(self, values, first_pixel, last_pixel):
        self.low, self.high = math.log10(min(values) / 1.5), math.log10(max(values) * 1.5)
        self.first_pixel, self.last_pixel = first_pixel, last_pixel

    def place(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.first_pixel + share * (self.last_pixel - self.first_pixel)

    def ticks(self):
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        return [tick for decade in decades for tick in (10.0 ** decade * step for step in (1, 2, 5))
                if self.low <= math.log10(tick) <= self.high]


def place_labels(places):
    """Returns {name: (x, y)} of the labels: beside their points, moved down where two would cover each other."""
    labels = {}
    for name, (x, y) in sorted(places.items(), key=lambda item: item[1][1]):
        x, y = x + LABEL_GAP, y + 4
        while any(x < other_x + width_of(other) and other_x < x + width_of(name) and abs(y - other_y) < LABEL_HEIGHT
                  for other, (other_x, other_y) in labels.items()):
            y += 1
        labels[name] = (x, y)
    return labels


def width_of(name):
    """Returns about how many pixels the label takes, its point included."""
    return LABEL_GAP + LETTER_WIDTH * len(servers.title(name))


def grid(x_axis, y_axis):
    for tick in x_axis.ticks():
        x = x_axis.place(tick)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{BOTTOM}" stroke="{LINE}"/>'
        yield text(x, BOTTOM + 18, f"{tick:g}", 12, FAINT, "middle")
    for tick in y_axis.ticks():
        y = y_axis.place(tick)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{RIGHT}" y2="{y:.1f}" stroke="{LINE}"/>'
        yield text(LEFT - 8, y + 4, f"{tick:g}", 12, FAINT, "end")
    yield text((LEFT + RIGHT) / 2, BOTTOM + 40, "CPU time of a request, µs (hello world, 32 connections, 1 worker)", 13, INK, "middle")
    yield text(24, (TOP + BOTTOM) / 2, "99th percentile of fast requests, ms", 13, INK, "middle",
               turn=f' transform="rotate(-90 24 {(TOP + BOTTOM) / 2:.0f})"')


def points(cost_us, wait_ms, floor_us):
    """Yields the axes, the floor and the servers that have both figures."""
    names = [name for name in cost_us if name in wait_ms]
    x_axis = Axis([cost_us[name] for name in names] + ([floor_us] if floor_us else []), LEFT, RIGHT - 90)
    y_axis = Axis([wait_ms[name] for name in names], BOTTOM, TOP)
    yield from grid(x_axis, y_axis)
    if floor_us:
        x = x_axis.place(floor_us)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{BOTTOM}" stroke="{FAINT}" stroke-dasharray="4 4"/>'
        yield text(x + 5, TOP + 12, "a bare event loop", 11, FAINT)
    places = {name: (x_axis.place(cost_us[name]), y_axis.place(wait_ms[name])) for name in names}
    labels = place_labels(places)
    for name, (x, y) in places.items():
        ours = name == "clutch"
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{7 if ours else 5}" fill="{OURS if ours else THEIRS}"/>'
        yield text(*labels[name], servers.title(name), 13, OURS if ours else INK,
                   weight="bold" if ours else "normal")


def medians(results, metric, scale):
    found = {name: report.median(entry, metric) for name, entry in results["servers"].items()}
    return {name: value * scale for name, value in found.items() if value}


def draw(directory, path):
    """Writes the picture; without the results of both rows there is none. Returns whether there is one."""
    measured = {row.name: results for row, results in report.read(directory)}
    if not {"hello-32", "two-asleep"} <= measured.keys():
        return False
    cost_us = medians(measured["hello-32"], "cpu_us", 1)
    wait_ms = medians(measured["two-asleep"], "p99_us", 1e-3)
    if not cost_us.keys() & wait_ms.keys():
        return False
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" role="img">',
             "<title>CPU time of a request, and the wait of fast requests beside slow ones, by server</title>",
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             text(LEFT, 24, "Fast is left, fair is down", 16, weight="bold"),
             text(LEFT, 43, "What a request costs, and what fast requests wait while 2 of 4 workers sleep 0.2 s at a time", 12, FAINT),
             *points(cost_us, wait_ms, cost_us.get("floor")), "</svg>\n"]
    path.write_text("\n".join(parts), encoding="utf-8")
    return True
