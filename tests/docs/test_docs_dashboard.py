# SPDX-License-Identifier: MIT
"""Grafana's dashboard and Prometheus's alerts ask for what a real server shows, and all of it is documented."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from docs_support.fixtures import binary  # noqa: F401 (a fixture)
from docs_support.pages import ROOT, Page
from docs_support.promql import mistakes_in, names_of, samples_of
from docs_support.terminal import Terminal

DASHBOARD = json.loads((ROOT / "setup/grafana/clutch.json").read_text(encoding="utf-8"))
ALERTS_FILE = ROOT / "setup/grafana/alerts.yaml"
RULES = [rule for group in yaml.safe_load(ALERTS_FILE.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
COLUMNS = 24


def panels():
    return DASHBOARD["panels"]


def expressions():
    """(where, expression) of the dashboard and of the alerts."""
    found = [(panel["title"], target["expr"]) for panel in panels() for target in panel.get("targets", ())]
    found += [(note["name"], note["expr"]) for note in DASHBOARD["annotations"]["list"]]
    found += [(variable["name"], variable["definition"]) for variable in variables() if variable["type"] == "query"]
    return found + [(rule["alert"], rule["expr"]) for rule in RULES]


def variables():
    return DASHBOARD["templating"]["list"]


@pytest.fixture(scope="module")
def samples(binary, tmp_path_factory):
    """What a server with a TCP listener shows."""
    with Terminal(tmp_path_factory.mktemp("metrics"), binary) as terminal:
        terminal.start("clutch --workers 2 --bind 127.0.0.1:8000 --metrics-bind 127.0.0.1:9100 pyapps/gil.py")
        terminal.run("curl -sf http://127.0.0.1:8000/")
        return samples_of(terminal.run("curl -sf http://127.0.0.1:9100/metrics"))


def test_what_is_asked_for_is_shown(samples):
    found = [(where, mistake) for where, expression in expressions() for mistake in mistakes_in(expression, samples)]
    assert found == []


def test_what_is_asked_for_is_documented():
    documented = Page("csrc/METRICS.md").text
    asked = {re.sub(r"_(bucket|sum|count)$", "", name) for _, expression in expressions() for name in names_of(expression)}
    assert sorted(name for name in asked if f"`{name}`" not in documented) == []


def test_every_death_that_was_not_meant_alerts(samples):
    meant = {"max_requests", "rss", "age", "reload"}
    causes = samples["clutch_worker_ends_total"]["cause"]
    matchers = [found for rule in RULES for found in re.findall(r'cause=~?"([^"]*)"', rule["expr"])]
    watched = {cause for matcher in matchers for cause in matcher.split("|")}
    assert causes - watched == meant and watched < causes


def test_dashboard_shows_every_figure():
    """All that is documented stands in some panel or annotation."""
    documented = set(re.findall(r"^\| `(clutch_\w+)`", Page("csrc/METRICS.md").text, re.MULTILINE))
    text = json.dumps(DASHBOARD)
    assert sorted(name for name in documented if name not in text) == []


def test_panels_are_complete_and_distinct():
    assert DASHBOARD["schemaVersion"] >= 36 and DASHBOARD["title"] and DASHBOARD["uid"] and DASHBOARD["id"] is None
    numbers = [panel["id"] for panel in panels()]
    assert len(set(numbers)) == len(numbers)
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles)
    for panel in panels():
        assert panel["type"] in ("row", "stat", "timeseries")
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(letters)) == len(letters) and (letters or panel["type"] == "row"), panel["title"]
        assert all(target["legendFormat"] for target in panel.get("targets", ()))


def cells(panel):
    place = panel["gridPos"]
    return {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}


def test_panels_do_not_overlap():
    taken = {}
    for panel in panels():
        for cell in cells(panel):
            assert cell[0] < COLUMNS, panel["title"]
            assert cell not in taken, f"{panel['title']} lies on {taken[cell]}"
            taken[cell] = panel["title"]


def test_variables_are_defined_and_used():
    names = {variable["name"] for variable in variables()}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - {"__rate_interval", "__all"}
    assert used == names


def test_dashboard_filters_by_job_and_instance():
    for panel in panels():
        for target in panel.get("targets", ()):
            selectors = target["expr"].count('job=~"$job", instance=~"$instance"')
            assert selectors == len(re.findall(r"\bclutch_\w+", target["expr"])), target["expr"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_say_what_to_do(rule):
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Clutch[A-Z]\w+", rule["alert"])
    assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor in Page(file).anchors()


def test_alerts_have_names_of_their_own():
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 12


def as_rules(directory):
    """The dashboard's expressions as a file of rules, for promtool to parse."""
    asked = [expression for panel in panels() for expression in (target["expr"] for target in panel.get("targets", ()))]
    plain = [re.sub(r"\$\{?\w+\}?", "x", expression.replace("$__rate_interval", "5m")) for expression in asked]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(plain)]
    file = directory / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    return file


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_takes_alerts_and_panels(tmp_path):
    files = [ALERTS_FILE, as_rules(tmp_path)]
    checked = subprocess.run(["promtool", "check", "rules", *files], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    "expression, mistakes",
    [
        ('sum(clutch_a{job=~"$job", kind="x"})', 0),
        ("sum by (kind, instance) (rate(clutch_a[5m]))", 0),
        ("sum(clutch_b)", 1),
        ('clutch_a{kind="z"}', 1),
        ('clutch_a{kind=~"x|z"}', 1),
        ('clutch_a{colour="x"}', 1),
        ("sum by (colour) (clutch_a)", 1),
        ("sum(clutch_a", 1),
    ],
)
def test_wrong_expressions_are_found(expression, mistakes):
    samples = samples_of('# HELP clutch_a x\nclutch_a{kind="x"} 1\nclutch_a{kind="y"} 2.5\n')
    assert len(mistakes_in(expression, samples)) == mistakes
