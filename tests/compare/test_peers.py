# SPDX-License-Identifier: MIT
"""The other servers: what is installed, how each is started, who is refused. None of them needs to be installed."""

import os
import re
import shutil
import subprocess
import types

import pytest
from comparison_support import TREE

from compare import figures, load, observe, peers


def make_venv(directory, *packages):
    """A directory that looks like a virtual environment with these packages."""
    site = directory / "lib" / "python3.11" / "site-packages"
    site.mkdir(parents=True)
    for name, version in packages:
        info = site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return directory


def test_find(tmp_path):
    made = make_venv(tmp_path / "venv", ("gunicorn", "23.0.0"), ("uWSGI", "2.0.31"))
    assert peers.find("gunicorn", made) == "23.0.0"
    assert peers.find("gunicorn-sync", made) == "23.0.0"
    assert peers.find("uwsgi", made) == "2.0.31"
    assert peers.find("bjoern", made) is None
    assert peers.find("gunicorn", tmp_path / "no such") is None


def test_what_is_missing_names_its_remedy():
    assert peers.missing("gunicorn-sync") == "gunicorn-sync is not installed; 'setup/peers gunicorn' installs it"
    assert peers.unknown("apache").endswith("expected bjoern, fastwsgi, granian, gunicorn, uwsgi, waitress")


@pytest.mark.parametrize("name", [*peers.NAMES, *peers.VARIANTS])
def test_commands_name_port_and_application(name):
    command = peers.command(name, "/venv", 8123, "shop:app")
    assert all(isinstance(word, str) for word in command)
    assert command[0].startswith("/venv/bin/")
    assert any(re.search(r"\b8123\b", word) for word in command) and "shop:app" in command


def option(command, name):
    return command[command.index(name) + 1]


def test_commands_have_workers_and_threads():
    for name in ("gunicorn", "granian"):
        command = peers.command(name, "/venv", 8123, "shop:app", 3, 7)
        assert option(command, "--workers") == "3"
        assert option(command, "--threads" if name == "gunicorn" else "--blocking-threads") == "7"
    for name in ("uwsgi", "uwsgi-http11"):
        command = peers.command(name, "/venv", 8123, "shop:app", 3, 7)
        assert (option(command, "--processes"), option(command, "--threads")) == ("3", "7")
    assert peers.command("bjoern", "/venv", 8123, "shop:app", 3)[-1] == "3"
    assert "--threads=7" in peers.command("waitress", "/venv", 8123, "shop:app", 1, 7)


@pytest.mark.parametrize(
    "name, workers, threads, words",
    [
        ("bjoern", 2, 2, "bjoern has no threads"),
        ("fastwsgi", 1, 2, "fastwsgi has no threads"),
        ("gunicorn-sync", 1, 2, "gunicorn-sync has no threads"),
        ("waitress", 2, 1, "waitress has one process only"),
    ],
)
def test_refusals(name, workers, threads, words):
    with pytest.raises(peers.Refused, match=f"^{words}$"):
        peers.command(name, "/venv", 8123, "shop:app", workers, threads)


def test_plain_commands_serve_the_wrapper():
    for name in peers.NAMES:
        assert peers.OBSERVED_APP in peers.plain_command(name, "/venv", 8123, 1, 1)
    assert "gthread" not in peers.plain_command(
        "gunicorn", "/venv", 8123, 5, 1
    ), "without threads it has its sync workers"
    assert "gthread" in peers.plain_command("gunicorn", "/venv", 8123, 5, 4)


def test_uwsgi_asks_for_no_more_backlog_than_there_is():
    limit = int(open("/proc/sys/net/core/somaxconn", encoding="ascii").read())
    assert int(option(peers.command("uwsgi", "/venv", 8123, "shop:app"), "--listen")) <= limit


def test_environment(monkeypatch):
    monkeypatch.setenv("COMPARE_PYTHONPATH", "/mine")
    monkeypatch.setenv("PYTHONPATH", "/not/mine")
    found = peers.environment("shop:app", ["/more"])
    assert found[observe.APP_VARIABLE] == "shop:app"
    assert found["PYTHONPATH"].split(os.pathsep) == [str(TREE / "pyapps"), "/more", "/mine"]


def test_stamps():
    fields = {"Content-Type": "text/plain", "x-compare-stamp": "12 140 1000 2500"}
    assert peers.stamps(fields) == {"pid": 12, "thread_id": 140, "begin_us": 1000, "end_us": 2500}
    for text in ("", "12 140 1000", "a b c d", "1 2 3 4 5"):
        assert peers.stamps({"X-Compare-Stamp": text}) is None
    assert peers.stamps({}) is None


def test_lanes_are_numbered_by_who_began_first():
    def stamp(pid, thread, begin):
        return {"pid": pid, "thread_id": thread, "begin_us": begin, "end_us": begin + 1}

    stamped = [stamp(90, 2, 40), stamp(90, 1, 10), stamp(70, 1, 20), stamp(90, 1, 50)]
    assert peers.lanes(stamped) == {(90, 1): (1, 0), (70, 1): (2, 0), (90, 2): (1, 1)}
    assert peers.lanes([]) == {}


def test_the_benchmark_has_the_same_table(monkeypatch):
    monkeypatch.syspath_prepend(str(TREE / "tests" / "bench"))
    import servers

    tools = types.SimpleNamespace(peers="/venv", clutch="/bin/clutch", floor="/bin/floor")
    for name in servers.PEERS:
        assert servers.command(name, tools, 8123, "apps:hello") == peers.command(name, "/venv", 8123, "apps:hello")
    with pytest.raises(servers.Failed, match="bjoern has no threads"):
        servers.command("bjoern", tools, 8123, "apps:hello", 1, 2)
    with pytest.raises(servers.Failed, match="'setup/peers gunicorn' installs it"):
        servers.version("gunicorn", tools)


def test_setup_peers_knows_the_same_names():
    refused = subprocess.run(
        [TREE / "setup" / "peers", "gunicorn", "apache"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr == f"setup/peers: 'apache' is not known; expected one or more of: {' '.join(peers.NAMES)}\n"
    told = subprocess.run([TREE / "setup" / "peers", "--help"], capture_output=True, text=True, check=True).stdout
    assert told.startswith("Usage: setup/peers [NAME...]")


@pytest.fixture
def peers_tree(tmp_path):
    """A tree with setup/peers alone; returns (its directory, a function that runs setup/peers without an index)."""
    shutil.copytree(TREE / "setup", tmp_path / "setup", ignore=shutil.ignore_patterns("__pycache__"))
    python = subprocess.run(
        ["bash", "-c", "source setup/common.sh && choose_python"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    subprocess.run([python, "-m", "venv", tmp_path / "build" / "venv-peers"], check=True)

    def run(*names):
        command = [tmp_path / "setup" / "peers", *names]
        without_index = {**os.environ, "PIP_NO_INDEX": "1"}
        return subprocess.run(command, env=without_index, capture_output=True, text=True, check=False)

    return tmp_path, run


def test_setup_peers_goes_on_after_a_failure(peers_tree):
    """Without an index pip finds nothing: each server is tried, and named."""
    told = peers_tree[1]("gunicorn", "waitress")
    assert told.returncode == 1
    for name in ("gunicorn", "waitress"):
        assert f"setup/peers: {name} could not be installed; build/peers/{name}.log says why: ERROR" in told.stderr


def test_setup_peers_keeps_a_venv_of_the_same_python(peers_tree):
    tree, run = peers_tree
    mark = tree / "build" / "venv-peers" / "mark"
    mark.touch()
    assert "making" not in run("waitress").stderr and mark.exists()


@pytest.mark.parametrize(
    "name, value", [("version", "3.4.1"), ("home", "/no/such/bin")], ids=["another version", "another place"]
)
def test_setup_peers_makes_a_venv_of_another_python_anew(peers_tree, name, value):
    tree, run = peers_tree
    made = tree / "build" / "venv-peers"
    (made / "mark").touch()
    text = (made / "pyvenv.cfg").read_text()
    (made / "pyvenv.cfg").write_text(re.sub(f"(?m)^{name} = .*$", f"{name} = {value}", text))
    assert "setup/peers: making build/venv-peers" in run("waitress").stderr
    assert not (made / "mark").exists() and value not in (made / "pyvenv.cfg").read_text()


def test_the_load_and_the_figures_agree_on_what_was_cut_short():
    assert figures.INTERRUPTED == load.INTERRUPTED
