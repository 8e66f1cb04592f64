# SPDX-License-Identifier: MIT
"""What went wrong with a server or with its requests, in words, with what the server's log has to say about it."""

from __future__ import annotations

import collections
import re
import signal
from typing import List, Optional

from compare import document, figures

LINES_OF_A_TRACEBACK = 40

HEAD = re.compile(r"^\[[^]]*\] \[\d+\] \[(?P<level>\w+)\] (?P<who>[^:]+): (?P<text>.*)$")
GRAVE = ("error", "critical")
INDENT = re.compile("^ {4}")  # of what clutch puts below a line of its own
TRACEBACK = r"Traceback \(most recent call last\):\n(?:[ \t].*\n)+\S.*"
CHAIN = r"\n\n(?:During handling of|The above exception was) .*\n\n"
TRACEBACK_PARTS = re.compile(r"(Traceback \(most recent call last\):\n)((?:[ \t].*\n)+)")
FRAMES = re.compile(r"  File .*\n(?:    .*\n)*")
OBSERVE, IMPORT = "compare/observe.py", "<frozen importlib"
TRACEBACKS = re.compile(f"{TRACEBACK}(?:{CHAIN}{TRACEBACK})*")


def grave_messages(log: str) -> List[str]:
    """Returns the errors that clutch's log tells, each with the lines below it (a traceback) as Python
    shows them, in order."""
    messages: List[List[str]] = []
    is_grave = False
    for line in log.splitlines():
        head = HEAD.match(line)
        if head:
            is_grave = head["level"] in GRAVE
            if is_grave:
                messages.append([f"{head['who']}: {head['text']}"])
        elif is_grave:
            messages[-1].append(INDENT.sub("", line))
    return ["\n".join(lines) for lines in messages]


def tracebacks(log: str) -> List[str]:
    """Returns the tracebacks that any server's log has, in order, each with those that it follows from: from the
    application's first frame on, with the exception in front, as clutch tells them."""
    found = []
    for match in TRACEBACKS.finditer(log):
        text = TRACEBACK_PARTS.sub(lambda part: part[1] + without_servers_frames(part[2]), match[0])
        found.append(f"{text.splitlines()[-1]}\n{text}")
    return found


def without_servers_frames(frames: str) -> str:
    """Returns the frames of a traceback that lie behind the wrapper of observe.py and Python's own import; all, where
    there are none behind them."""
    kept = FRAMES.findall(frames)
    ours = [place for place, frame in enumerate(kept) if OBSERVE in frame.splitlines()[0]]
    behind = kept[ours[-1] + 1 :] if ours else []
    while behind and IMPORT in behind[0]:
        del behind[0]
    return "".join(behind) or frames


def own_words(log: str) -> List[str]:
    """Returns the errors that a server's log tells: clutch's own, else tracebacks of another server or of a framework
    that answers 500 by itself."""
    return grave_messages(log) or tracebacks(log)


def explain_start(log: str, status: Optional[int], limit_s: float = 0.0) -> str:
    """Returns why a server did not start: its first error with the traceback, its last words, or all that it printed.

    `status` is its exit status, None when it was not ready within `limit_s` seconds."""
    end = (
        f"it was not ready within {limit_s:g} s" if status is None else f"it did not start: {_describe_status(status)}"
    )
    messages = own_words(log)
    if not messages:
        tail = "\n".join(log.splitlines()[-20:])
        return f"{end}\n{tail}" if tail else f"{end}, without a word"
    return "\n".join([end, messages[0]] + messages[-1:] * (len(messages) > 1))


def _describe_status(status: int) -> str:
    if status < 0:
        return f"killed by signal {-status} ({signal.Signals(-status).name})"
    return f"exit status {status}"


def explain_failures(done: document.Run, log: str) -> None:
    """Says in the run's error (all failed) or notes (some did) what became of failed requests, with the server's own
    words."""
    reasons = collections.Counter(filter(None, map(why_failed, done["requests"])))
    if not reasons:  # then a traceback in the log is one that the application has dealt with
        done["notes"] += [cut(message) for message in grave_messages(log)[:1]]
        return
    failed = sum(reasons.values())
    text = f"{failed} of {len(done['requests'])} requests failed: "
    text += ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
    text = "\n".join([text, *(cut(message) for message in own_words(log)[:1])])
    if failed == len(done["requests"]):
        done["error"] = text
    else:
        done["notes"].append(text)


def why_failed(request: document.Request) -> Optional[str]:
    if request["error"] == figures.INTERRUPTED:
        return None
    if request["error"] is None and (request["status"] or 0) >= figures.FIRST_FAILED_STATUS:
        return f"status {request['status']}"
    return request["error"]


def cut(message: str) -> str:
    """Returns a message without the middle of a very long traceback."""
    lines = message.splitlines()
    if len(lines) > LINES_OF_A_TRACEBACK:
        half = LINES_OF_A_TRACEBACK // 2
        lines[half:-half] = ["  ..."]
    return "\n".join(lines)
