# SPDX-License-Identifier: MIT
"""The command line of setup/compare."""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import shutil
from typing import Callable, List, Optional, Sequence, Tuple

from compare import access_log, load, peers
from compare.plan import OFFLOADING

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LOADS_OWN_FIELDS = ("content-length", "transfer-encoding", access_log.ID_FIELD.lower())
FOR_US = {
    **dict.fromkeys(("--workers", "-w", "--processes", "-p"), "--workers before it: that is what is compared"),
    "--threads": "--threads before it: that is what is compared",
    **dict.fromkeys(("--bind", "-b", "--http", "--http-socket", "--http11-socket"), "--port before it"),
    **dict.fromkeys(("--access-logfile", "--access-logformat"), "no access log: every request is read from it"),
}
MOST = 1024  # workers, and threads of each, that clutch takes

DESCRIPTION = """\
Runs an application under several settings of clutch, with the same load each time, and shows
what became of every request: as a table, as one HTML page with the timeline of each setting, and
as a JSON file.

APP is one of the built-in applications (sleeping, spinning, mixed), offloading, or what clutch
takes: module, module:callable, path/file.py or path/file.py:callable. Without APP: twenty callers
of a sleeping application at once with 1, 2, 5, 10 and 20 workers and with threads, then the same
with a computing and a mixed one, in less than a minute."""

EPILOG = """\
What follows `--` goes to clutch: setup/compare shop.wsgi -- --venv ~/shop/venv --chdir ~/shop
Ctrl-C keeps what has been measured. Exit status: 0; 1 when a run failed or no request was
answered well; 2 for wrong options; 130 after Ctrl-C."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Returns the options. Exits with status 2 and a message when they are wrong."""
    own, extra = _split(list(arguments))
    parser = _make_parser()
    options = parser.parse_args(own)
    _refuse(parser, options, extra)
    options.clutch_options = extra
    if options.method is None:
        options.method = "GET" if options.data is None else "POST"
    if options.data is not None and not any(name.lower() == "content-type" for name, _ in options.header):
        options.header.append(("Content-Type", "application/x-www-form-urlencoded"))
    options.load = load.Load(
        clients=options.clients,
        requests=options.requests or options.clients,
        method=options.method,
        path=options.path,
        data=options.data,
        headers=tuple(options.header),
        timeout_s=options.timeout,
    )
    return options


def _refuse(parser: argparse.ArgumentParser, options: argparse.Namespace, extra: List[str]) -> None:
    """Ends with a message where options would have no effect, or spoil what is measured."""
    for word in extra:
        name = word.partition("=")[0]
        if name in FOR_US:
            parser.error(f"{name} after '--': expected {FOR_US[name]}")
    if options.app == OFFLOADING:
        for name in ("workers", "threads", "peers", "method", "data", "header"):
            if getattr(options, name):
                name = name.replace("peers", "with")
                parser.error(f"argument --{name}: expected none with 'offloading', which has settings of its own")


def _split(arguments: List[str]) -> Tuple[List[str], List[str]]:
    """Parts what follows the first `--`."""
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="setup/compare",
        usage="setup/compare [APP] [options] [-- clutch's options]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_load(parser.add_argument)
    _add_places(parser.add_argument)
    return parser


def _add_load(add: Callable[..., object]) -> None:
    """What is run, and what is sent to it."""
    add("app", metavar="APP", nargs="?", type=_app, help="what to serve")
    add("--workers", metavar="N,...", type=_counts, default=[], help="worker counts to compare [1,2,5,10]")
    add("--threads", metavar="N,...", type=_counts, default=[], help="app threads of each worker to compare [1,4]")
    add("--clients", metavar="N", type=_count, default=20, help="callers at the same time [20]")
    add("--requests", metavar="N", type=_count, help="requests of all callers together [as many as clients]")
    add(
        "--path",
        type=_path,
        default=load.Load().path,
        help="what to ask for; N in Request_N becomes a number [%(default)s]",
    )
    add("--method", type=_method, help="[GET; POST with --data]")
    add("--data", metavar="TEXT|@FILE", type=_data, help="body of every request")
    add(
        "--header",
        metavar="'NAME: VALUE'",
        type=_header,
        action="append",
        default=[],
        help="header field; may be repeated",
    )
    add(
        "--with",
        metavar="NAME,...",
        dest="peers",
        type=_peers,
        default=[],
        help=f"other servers to compare with: {', '.join(peers.NAMES)}",
    )


def _add_places(add: Callable[..., object]) -> None:
    """Where, how long, and with which program."""
    add(
        "--out",
        metavar="DIR",
        type=_directory,
        default=ROOT / "build" / "compare",
        help="for the results [build/compare]",
    )
    add("--port", metavar="N", type=_port, help="where the servers listen [a free port]")
    add("--timeout", metavar="S", type=_seconds, default=300.0, help="how long a request may take, in seconds [300]")
    add(
        "--clutch",
        metavar="PROGRAM",
        type=_program,
        default=str(ROOT / "build" / "release" / "clutch"),
        help="[the release build]",
    )


# What options take. The messages follow "argument --NAME: ".


def _wrong(text: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{text!r}: expected {expected}")


def _whole(text: str, least: int, most: int) -> Optional[int]:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) and least <= int(text) <= most else None


def _counts(text: str) -> List[int]:
    numbers = [_whole(part.strip(), 1, MOST) for part in text.split(",")]
    if None in numbers:
        raise _wrong(text, f"whole numbers from 1 to {MOST}, parted by commas")
    return list(dict.fromkeys(numbers))  # type: ignore[arg-type]


def _count(text: str) -> int:
    number = _whole(text, 1, 1_000_000)
    if number is None:
        raise _wrong(text, "a whole number from 1 to 1000000")
    return number


def _port(text: str) -> int:
    number = _whole(text, 1, 65535)
    if number is None:
        raise _wrong(text, "a port, from 1 to 65535")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= 86400.0:
        raise _wrong(text, "seconds, more than 0 and at most 86400")
    return seconds


def _app(text: str) -> str:
    if not text.strip():
        raise _wrong(text, "module, module:callable, path/file.py or path/file.py:callable")
    return text


def _directory(text: str) -> pathlib.Path:
    if not text:
        raise _wrong(text, "a directory; '.' is the one here")
    return pathlib.Path(text)


def _path(text: str) -> str:
    if not re.fullmatch(r"/[!\"$-~]*", text):
        expected = "a path that begins with '/', without spaces and '#', other characters than ASCII written as %XX"
        raise _wrong(text, expected)
    return text


def _method(text: str) -> str:
    if not TOKEN.fullmatch(text):
        raise _wrong(text, "a method such as GET or POST")
    return text


def _header(text: str) -> Tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not TOKEN.fullmatch(name) or re.search(r"[\0\r\n]", value):
        raise _wrong(text, "NAME: VALUE in one line, the name in ASCII letters, digits and '-'")
    if name.lower() in LOADS_OWN_FIELDS:
        raise _wrong(text, "another field: this one is set with every request")
    return name, value.strip()


def _data(text: str) -> bytes:
    if not text.startswith("@"):
        return os.fsencode(text)
    try:
        return pathlib.Path(text[1:]).read_bytes()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"'{text}': cannot read the file: {error.strerror}") from None


def _peers(text: str) -> List[str]:
    names = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        if name not in peers.NAMES:
            raise argparse.ArgumentTypeError(peers.unknown(name))
    return names


def _program(text: str) -> str:
    found = shutil.which(text)
    if found is None:
        raise _wrong(text, "a program that can be run")
    return os.path.abspath(found)
