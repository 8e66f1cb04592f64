# SPDX-License-Identifier: MIT
"""What the tests need to know of PromQL and of the text format of /metrics: names, labels, their values."""

from __future__ import annotations

import re

STRING = r'"(?:\\.|[^"\\])*"'
NAME = re.compile(r"\bclutch_\w+")
SELECTOR = re.compile(rf"\b(clutch_\w+)\s*\{{((?:{STRING}|[^}}\"])*)\}}")
MATCHER = re.compile(rf"(\w+)\s*(=~|!=|!~|=)\s*({STRING})")
GROUPING = re.compile(r"\b(?:by|on|without)\s*\(([^)]*)\)")
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)
ADDED = {"job", "instance"}  # by Prometheus, to every sample


def names_of(expression):
    return set(NAME.findall(re.sub(STRING, '""', expression)))


def samples_of(text):
    """{name: {label: {value, ...}}} of the text format."""
    found = {}
    for name, labels in SAMPLE.findall(text):
        there = found.setdefault(name, {})
        for label, value in re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', labels):
            there.setdefault(label, set()).add(value)
    return found


def is_balanced(expression):
    """Brackets outside of strings close in the order in which they open."""
    waiting = []
    for character in re.sub(STRING, "", expression):
        if character in "([{":
            waiting.append(")]}"["([{".index(character)])
        elif character in ")]}" and (not waiting or waiting.pop() != character):
            return False
    return not waiting


def alternatives(operator, text):
    """The values that a matcher names; none when it holds a variable or a pattern of another kind."""
    if "$" in text or operator in ("!~", "!=") or (operator == "=~" and re.search(r"[.*+?\[(\\]", text)):
        return []
    return text.split("|") if operator == "=~" else [text]


def mistakes_in(expression, samples):
    """Texts: what the expression asks for and `samples` have not."""
    mistakes = [] if is_balanced(expression) else ["brackets are not balanced"]
    names = names_of(expression)
    mistakes += [f"there is no {name}" for name in sorted(names - set(samples))]
    known = ADDED.union(*(samples.get(name, {}) for name in names))
    for name, matchers in SELECTOR.findall(expression):
        for label, operator, value in MATCHER.findall(matchers):
            if label not in ADDED and label not in samples.get(name, {}):
                mistakes.append(f"{name} has no label {label}")
            elif label not in ADDED:
                there = samples[name][label]
                mistakes += [f"{name} has no {label}={one}" for one in alternatives(operator, value[1:-1]) if one not in there]
    for labels in GROUPING.findall(expression):
        mistakes += [f"no label {label}" for label in re.findall(r"\w+", labels) if label not in known]
    return mistakes
