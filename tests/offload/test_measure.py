# SPDX-License-Identifier: MIT
"""The measured experiment: the same callers, waiting and offloaded, as setup/compare shows them."""

import io
import json
import sys

import pytest
from compare import __main__ as program, document, experiment as engine, load, machine, options
from offload import measure
from rich.console import Console
from stack import PATIENT, find_binary

CLIENTS = 20


@pytest.fixture
def tools(tmp_path, monkeypatch):
    monkeypatch.setenv("OFFLOAD_VENV", sys.prefix)
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)
    return engine.Tools(find_binary(), [], "0.1.0", 2.0, load.Load(CLIENTS, CLIENTS), tmp_path / "logs", None, {}, tmp_path / "peers")


def check_offloaded(run):
    assert run["error"] is None and len(run["requests"]) == CLIENTS
    for request in run["requests"]:
        assert (request["status"], request["error"]) == (202, None)
        assert request["sent_us"] <= request["answered_us"] < request["done_us"]
        assert request["app_us"] is not None and request["worker"] in range(1, 6)
        assert request["done_us"] - request["sent_us"] >= measure.JOB_S * 1e6
    assert run["figures"]["done_ms"]["p50"] > run["figures"]["client_ms"]["p50"]
    assert run["wall_s"] >= measure.JOB_S and run["cpu_s"] > 0
    assert any("jobs waited for a Celery process" in note for note in run["notes"])
    assert not any("every 100 ms" in note for note in run["notes"]), "said once, for all runs"


@pytest.mark.timeout(400)
def test_experiment(tools):
    result = measure.experiment(tools, CLIENTS)
    json.dumps(result, allow_nan=False)
    assert (result["name"], len(result["says"])) == ("offloading", 2)
    synchronous, five, twenty = result["runs"]
    assert [run["label"].split(",")[0] for run in result["runs"]] == ["synchronous", "Celery x 5", "Celery x 20"]
    assert synchronous["figures"]["answered"] == CLIENTS and synchronous["figures"]["done_ms"] is None
    # Five at a time: the last answers come after four jobs, whoever measures.
    assert synchronous["wall_s"] >= 4 * measure.JOB_S and synchronous["figures"]["running_most"] == 5
    check_offloaded(five)
    check_offloaded(twenty)
    assert five["wall_s"] >= 4 * measure.JOB_S
    assert five["processes"] == 6 + 6 + 1 and twenty["processes"] == 6 + 21 + 1
    # An answer waits for no job; this holds on a slow machine, too: all jobs together take longer than the last answer.
    assert max(request["answered_us"] for request in five["requests"]) < max(request["done_us"] for request in five["requests"])
    # What an earlier run left in its Redis is not done in the next one.
    again = measure.make()
    measure.run(measure.Subject(tools, 5), again, measure.Silent())
    check_offloaded(again["runs"][0])


def test_without_celery(tools, tmp_path, monkeypatch):
    monkeypatch.setenv("OFFLOAD_VENV", str(tmp_path / "none"))
    synchronous, *offloaded = measure.experiment(tools, CLIENTS)["runs"]
    assert synchronous["figures"]["answered"] == CLIENTS
    for run in offloaded:
        assert "setup/offload --install" in run["error"] and run["requests"] == []


def test_what_holds_for_all_runs_is_said_before_them(tools, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "fill", lambda *_arguments: None)
    given = options.parse(["offloading", "--clutch", tools.clutch, "--out", str(tmp_path)])
    result = document.make_document(machine.describe(given.clutch), program.describe_load(given, []), ["setup/compare"])
    console = Console(file=io.StringIO(), width=1000)
    program.run_all(given, [], tools, result, console)
    assert f"Note: {measure.NOTE}\n" in console.file.getvalue()
    assert result["load"]["note"] == measure.NOTE
