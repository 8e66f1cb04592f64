# SPDX-License-Identifier: MIT
"""Looks whether a Mermaid block can be drawn: known kind, balanced brackets, every line of a known form.

No parser of the language: enough to find a picture broken by an edit. Whoever changes a picture draws it once.
"""

from __future__ import annotations

import re

FORMS = {
    "flowchart": (
        r"\w+(\[.*\]|\(.*\)|\{.*\})?( & \w+)*( *(-->|---|-\.->|==>)(\|[^|]+\|)? *\w+(\[.*\]|\(.*\))?( & \w+)*)*",
        r"subgraph .*",
        r"end",
        r"direction (LR|RL|TB|BT|TD)",
    ),
    "sequenceDiagram": (
        r"(participant|actor) \w+( as .+)?",
        r"Note (over|right of|left of) \w+(,\w+)?: .+",
        r"rect .+",
        r"end",
        r"\w+(->>|-->>|-\)|->|-->)[+-]?\w+: .+",
        r"(loop|opt|alt|else|par|and) .*",
    ),
    "stateDiagram-v2": (
        r"direction (LR|RL|TB|BT)",
        r'state "[^"]+" as \w+',
        r"\w+: .+",
        r"(\[\*\]|\w+) --> (\[\*\]|\w+)(: .+)?",
        r"state \w+ \{",
        r"\}",
        r"note .+",
    ),
}
BRACKETS = {"]": "[", ")": "(", "}": "{"}


def is_balanced(text):
    """Brackets outside of quotes close in the order in which they open."""
    waiting = []
    for character in re.sub(r'"[^"]*"', "", text):
        if character in BRACKETS.values():
            waiting.append(character)
        elif character in BRACKETS and (not waiting or waiting.pop() != BRACKETS[character]):
            return False
    return not waiting and text.count('"') % 2 == 0


def unknown_participants(lines):
    known = {match[1] for line in lines if (match := re.match(r"(?:participant|actor) (\w+)", line))}
    used = {name for line in lines if (match := re.match(r"(\w+)(?:->>|-->>)(\w+):", line)) for name in match.groups()}
    return sorted(used - known)


def mistakes_in(block):
    """Returns texts; none for a block that looks right."""
    lines = [line.text.strip() for line in block.lines if line.text.strip()]
    kind = lines[0].split()[0] if lines else ""
    if kind not in FORMS:
        return [f"{kind!r} is no kind of picture that is known here: {', '.join(FORMS)}"]
    mistakes = [
        f"not understood: {line}" for line in lines[1:] if not any(re.fullmatch(form, line) for form in FORMS[kind])
    ]
    if not all(is_balanced(line) for line in lines if not line.endswith(("{", "}"))):
        mistakes.append("brackets or quotes are not balanced")
    opened = sum(bool(re.match(r"(subgraph|rect|loop|opt|alt|par)\b", line)) for line in lines)
    if opened != lines.count("end"):
        mistakes.append(f"{opened} groups begin and {lines.count('end')} end")
    if kind == "sequenceDiagram":
        mistakes += [f"{name} takes part and is not declared" for name in unknown_participants(lines)]
    return mistakes
