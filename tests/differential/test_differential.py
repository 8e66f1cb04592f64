# SPDX-License-Identifier: MIT
"""Every case of tests/cases/http1 to clutch, to other servers, and through a proxy to clutch."""

from __future__ import annotations

import pytest

from differential_support import proxy_view, table, verdicts
from differential_support.servers import PEER_COMMANDS, wait_lines
from differential_support.teller import MARKER

CASES = table.read_cases()


def ask_all(subject) -> table.Column:
    return {case.id: verdicts.ask(subject.port, case.data, number) for number, case in enumerate(CASES)}


def test_clutch_does_what_the_table_tells(clutch):
    table.check_column("clutch", clutch.version, ask_all(clutch), is_own=True)


def test_nothing_is_smuggled_into_clutch(clutch):
    """A path that stands inside another request is never executed; and what is refused is the end of the connection."""
    clutch.executed()
    for number, case in enumerate(CASES):
        verdict = verdicts.ask(clutch.port, case.data, number)
        assert "smuggled" not in verdict, case.id
        _, *behind = verdict.split(next((word for word in verdict.split() if word >= "4" and word.isdigit()), "none"))
        assert not "".join(behind).strip(), f"{case.id}: something was executed behind a refusal: {verdict}"
        for line in clutch.executed():
            assert "smuggled" not in line and "hidden" not in line, case.id


@pytest.mark.parametrize("name", PEER_COMMANDS)
def test_peers_do_what_the_table_tells(peers, name):
    """Those that are installed in the version of the table; the others' columns stay as they are."""
    if name not in peers:
        pytest.skip(f"{name} is not installed: run `setup/peers {name}`")
    table.check_column(name, peers[name].version, ask_all(peers[name]))


def is_complete(lines: list[str], number: int) -> bool:
    return any(f"{MARKER}?after-{number}|" in line for line in lines)


def test_proxy_and_clutch_agree_where_requests_end(proxy, clutch):
    """After each case another client's request goes through the same connection between proxy and clutch: it must get
    its own answer. And both have counted the same requests, in the same order."""
    clutch.executed()
    column, forwarded = {}, 0
    for number, case in enumerate(CASES):
        column[case.id] = verdicts.ask(proxy.port, case.data, number)
        probe = verdicts.make_marker(0).replace(b"?0", f"?after-{number}".encode())
        answer = verdicts.exchange(proxy.port, probe)
        assert verdicts.STATUS.findall(answer) == [(b"299", f"number after-{number}".encode())], case.id
        lines = wait_lines(proxy, proxy.forwarded, lambda lines, number=number: is_complete(lines, number))
        seen = [proxy_view.parse_line(line) for line in lines]
        forwarded += sum(one.status > 0 for one in seen) - 1
        assert proxy_view.disagreement(seen, clutch.executed()) == "", case.id
    assert forwarded > len(CASES) // 2, "the proxy has kept nearly everything to itself: nothing was tried"
    if proxy.name == "nginx":  # HAProxy's answers depend on when it learns that the client sends no more
        table.check_column("nginx", proxy.version, column)


def test_a_disagreement_would_be_seen():
    sent = [proxy_view.parse_line(line) for line in ("GET|/a%20b?c|200", "POST|http://h/d|clutch|400", "GET|/e|-", "GET|/f|<NOSRV>|200")]
    assert proxy_view.disagreement(sent, ["GET '/a b' 0"]) == ""
    for executed in ([], ["GET '/a b' 0", "GET '/smuggled' 0"], ["POST '/d' 0"], ["GET '/e' 0"]):
        assert proxy_view.disagreement(sent, executed)
