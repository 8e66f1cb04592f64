# SPDX-License-Identifier: MIT
"""The tests of the documents can fail: pages with one mistake each."""

import textwrap

import pytest
from docs_support.diagrams import mistakes_in
from docs_support.fixtures import binary  # noqa: F401 (a fixture)
from docs_support.names import mistakes_in_names
from docs_support.output import mask, missing_lines
from docs_support.pages import Page, commands_of
from docs_support.terminal import Terminal, Wrong
from docs_support.unrunnable import docker_build, find_exemption, own_script
from docs_support.walk import Walk
from test_docs_text import broken_links, wide_lines


def page_of(text):
    return Page("pyapps/made_up.md", textwrap.dedent(text))


def walk(text, binary, tmp_path):
    page = page_of(text)
    with Terminal(tmp_path, binary) as terminal:
        for section in page.sections:
            Walk(page, terminal).section(section)


def console(*lines):
    return "\n".join(["# Made up", "```console", *lines, "```", ""])


@pytest.mark.parametrize(
    "lines",
    [
        ("$ echo one", "two"),
        ("$ echo 'wave 1: 5 answers'", "wave 1: 4 answers"),
        ("$ false",),
        ("$ no-such-program",),
        ("$ clutch --workers 2 pyapps/no_such_app.py",),
        ("$ clutch --no-such-option pyapps/gil.py",),
        ("$ clutch --workers 2 pyapps/gil.py", "[info] master: ready: 3 workers serve after 1 ms"),
        ("$ setup/bench --no-such-option",),
        ("$ docker build --build-arg NOTHING=1 .",),
        ("$ docker run -e CLUTCH_NOTHING=1 clutch",),
        ("$ docker compose -f setup/no_such.yaml up",),
        ("$ docker compose -f setup/compose.yaml kill nobody",),
        ("$ NOTHING=1 docker compose -f setup/compose.yaml up",),
        ("$ docker stack deploy -c setup/no_such.yaml experiment",),
        ("$ docker service update --image nobody:2 experiment_app",),
        ("$ kubectl apply -k setup/no_such_folder",),
        ("$ kubectl get --raw '/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/pods/*/nothing'",),
        ("$ python3 pyapps/client.py --nothing --url http://127.0.0.1:8080",),
    ],
)
def test_a_command_that_does_something_else_fails(lines, binary, tmp_path):
    with pytest.raises(Wrong):
        walk(console(*lines), binary, tmp_path)


def test_a_right_page_passes(binary, tmp_path):
    walk(
        console(
            "$ cd pyapps",
            "$ clutch --workers 2 gil.py",
            "...",
            "[2026-11-26 04:28:15 +0000] [1] [info] master: ready: 2 workers serve after 82 ms",
        )
        + console("$ curl -s http://127.0.0.1:8000/", "{", "...", '  "queue_us": 64,', "}"),
        binary,
        tmp_path,
    )


def test_a_log_needs_a_server_that_wrote_it(binary, tmp_path):
    with pytest.raises(Wrong):
        walk(console("$ clutch --workers 2 pyapps/gil.py") + "```log\nnobody wrote this\n```\n", binary, tmp_path)


def test_what_differs_between_runs_is_masked():
    shown = "  1.004 s  Request_9: 200 'true' by process 31546"
    assert missing_lines([shown, "..."], "   2.10 s  Request_12: 200 'true' by process 9\n") == []
    assert missing_lines([shown], "   2.10 s  Request_12: 503 'true' by process 9\n") == [shown]
    assert mask("wave 1: 5 answers after 1.0 s") != mask("wave 1: 4 answers after 1.0 s")
    assert mask("5 x 1     20   17   602   1202  451/901  0.00   0 %  38") == mask(
        "5 x 1   20  16.5  1202  603  4/9  12  50 %  7.5"
    )
    assert mask("5 x 1     20   17") != mask("5 x 1     19   17")
    assert mask("clutch 0.1.0 (CPython 3.11.7, llhttp 9.2.1)") == mask("clutch 0.2.0 (CPython 3.13.5, llhttp 9.3.0)")


def test_commands_go_on_behind_a_backslash():
    block = page_of(console("$ one \\", "      two", "shown", "$ three")).blocks("console")[0]
    assert [(command.text, [line.text for line in command.shown]) for command in commands_of(block)] == [
        ("one \\\n      two", ["shown"]),
        ("three", []),
    ]


@pytest.mark.parametrize(
    "text, mistakes",
    [
        ("[a](no_such_file.md)", 1),
        ("[a](app_main.py) [b](#made-up) [c](https://example.org/x)", 0),
        ('<img src="no_such.png">', 1),
        ("[a](#no-such-heading)", 1),
        ("[a](../README.md#no-such-heading)", 1),
    ],
)
def test_broken_links_are_found(text, mistakes):
    assert len(broken_links(page_of(f"# Made up\n{text}\n"))) == mistakes


@pytest.mark.parametrize(
    "text, mistakes",
    [
        ("`no_such.py`", 1),
        ("`pyapps/app_main.py`, `app_main.py`, `build/x.json`", 0),
        ("`csrc/nowhere/`", 1),
        ("`--no-such-option`", 0),  # the opposite of a flag
        ("`--nosuchoption`", 1),
        ("`--workers 2 --access-logfile -`", 0),
    ],
)
def test_wrong_names_are_found(text, mistakes):
    assert len(mistakes_in_names(page_of(f"# Made up\n{text}\n"))) == mistakes


@pytest.mark.parametrize(
    "lines, is_right",
    [
        (["flowchart TD", 'a["one<br>(two)"] -->|three| b & c', "a -.-> b"], True),
        (["flowchart TD", "a[one --> b"], False),
        (["flowchart TD", "a ~~> b"], False),
        (["flowchart TD", "subgraph x", "a --> b"], False),
        (["sequenceDiagram", "participant a as one", "a->>a: two"], True),
        (["sequenceDiagram", "participant a", "a->>b: two"], False),
        (["stateDiagram-v2", "[*] --> idle", "idle --> closed: over"], True),
        (["stateDiagram-v2", "idle -> closed"], False),
        (["piechart", "a"], False),
        ([], False),
    ],
)
def test_broken_pictures_are_found(lines, is_right):
    block = page_of("\n".join(["# Made up", "```mermaid", *lines, "```"])).blocks("mermaid")[0]
    assert (mistakes_in(block) == []) is is_right


def test_wide_lines_are_found():
    assert len(wide_lines(page_of("# Made up\n" + "word " * 60))) == 1


def test_exemptions_are_narrow():
    assert find_exemption("setup/run          # installs") is not None
    assert find_exemption("setup/runs") is None
    assert find_exemption("setup/compare spinning") is None
    assert find_exemption("setup/compare spinning --with uwsgi") is not None
    with pytest.raises(Wrong):
        own_script("setup/no_such_script")
    with pytest.raises(Wrong):
        docker_build("docker build -f no/such/Dockerfile .")
