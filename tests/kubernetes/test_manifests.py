# SPDX-License-Identifier: MIT
"""setup/kubernetes: what Kubernetes' own schemas say of the manifests, and whether names, ports and times in them fit each other."""

from __future__ import annotations

import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml
from kubernetes_support import manifests
from kubernetes_support.manifests import FOLDER, number_of, size_of, the, time_of
from kubernetes_validate import utils
from support.server import run_clutch

OLDEST = (1, 27)
CUSTOM = "ServiceMonitor"  # of the Prometheus operator, no part of Kubernetes
MANIFESTS = manifests.all_manifests()
each = pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")


def versions():
    """Of Kubernetes that we know schemas of."""
    found = [version.rsplit(".", 1)[0] for version in utils.all_versions()]
    wanted = sorted({version for version in found if tuple(map(int, version.split("."))) >= OLDEST})
    assert f"{OLDEST[0]}.{OLDEST[1]}" in wanted
    return wanted


def default_of(option):
    said = run_clutch("--print-config").stdout
    return next(line.split()[1] for line in said.splitlines() if line.startswith(option + " "))


@pytest.mark.parametrize("version", versions())
def test_schemas_of_kubernetes(version):
    """Strict: a field that the schema does not have is a mistake."""
    for manifest in MANIFESTS:
        if manifest["kind"] != CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_schemas_find_mistakes():
    deployment = the("Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, versions()[-1], strict=True)
    pdb = the("PodDisruptionBudget")
    pdb["spec"]["selector"] = "clutch"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pdb, versions()[-1], strict=True)


def test_no_file_is_forgotten():
    files = {path.name for path in FOLDER.glob("*.yaml")}
    assert files - {"kustomization.yaml", manifests.ADAPTER.name} == set(manifests.kustomization()["resources"])


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl")
def test_kustomize():
    made = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    objects = list(yaml.safe_load_all(made.stdout))
    assert sorted(one["kind"] for one in objects) == sorted(one["kind"] for one in MANIFESTS)
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "clutch:0.1.0"


def test_the_image_is_of_this_version():
    image = manifests.kustomization()["images"][0]
    assert image["name"] == manifests.container()["image"]
    assert f"clutch {image['newTag']} " in run_clutch("--version").stdout


@each
def test_selectors_find_the_pods(manifest):
    """Whatever selects pods selects those of the Deployment."""
    labels = manifests.pod()["metadata"]["labels"]
    spec = manifest["spec"]
    selector = {
        "Deployment": lambda: spec["selector"]["matchLabels"],
        "Service": lambda: spec["selector"],
        "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
        "NetworkPolicy": lambda: spec["podSelector"]["matchLabels"],
    }.get(manifest["kind"])
    assert selector is None or selector().items() <= labels.items()
    assert manifest["metadata"]["labels"].items() >= {"app.kubernetes.io/name": "clutch"}.items()


def test_spreading_is_of_the_same_pods():
    for constraint in manifests.pod()["spec"]["topologySpreadConstraints"]:
        assert constraint["labelSelector"]["matchLabels"] == manifests.pod()["metadata"]["labels"]


def test_ports_are_those_that_clutch_listens_at():
    options = manifests.options()
    assert manifests.ports() == {
        "http": int(options["bind"].rpartition(":")[2]),
        "metrics": int(options["metrics-bind"].rpartition(":")[2]),
    }
    for service in (the("Service"), the("Service", "clutch-metrics")):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(manifests.ports())
    for rule in the("NetworkPolicy")["spec"]["ingress"]:
        assert {port["port"] for port in rule["ports"]} <= set(manifests.ports())
    assert [port["targetPort"] for port in the("Service")["spec"]["ports"]] == ["http"], "no figures for everybody"


def test_nobody_reaches_the_figures_but_prometheus():
    rules = the("NetworkPolicy")["spec"]["ingress"]
    assert all(rule["from"] for rule in rules)
    allowed = [rule["from"] for rule in rules if "metrics" in [port["port"] for port in rule["ports"]]]
    assert allowed == [[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]]


def test_the_service_monitor():
    """Its schema is that of the operator; these few fields are all that is used of it."""
    monitor = the(CUSTOM)
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert set(monitor["spec"]) == {"selector", "endpoints"}
    (endpoint,) = monitor["spec"]["endpoints"]
    assert set(endpoint) == {"port", "path", "interval", "scrapeTimeout"} and endpoint["path"] == "/metrics"
    assert time_of(endpoint["scrapeTimeout"]) < time_of(endpoint["interval"])
    wanted = monitor["spec"]["selector"]["matchLabels"]
    found = [one for one in MANIFESTS if one["kind"] == "Service" and wanted.items() <= one["metadata"]["labels"].items()]
    assert [one["metadata"]["name"] for one in found] == ["clutch-metrics"]
    assert endpoint["port"] in [port["name"] for port in found[0]["spec"]["ports"]]
    window = re.findall(r"\[(\d+\w)\]", manifests.adapter_rule()["metricsQuery"])
    assert window and all(time_of(each) >= 4 * time_of(endpoint["interval"]) for each in window), "a rate needs samples"


def test_the_pods_are_confined():
    """The rules of the level `restricted` of the pod security standards, and a file system that nobody writes to."""
    pod, container = manifests.pod()["spec"], manifests.container()
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert all("hostPort" not in port and port["containerPort"] > 1023 for port in container["ports"])
    assert all(set(volume) <= {"name", "emptyDir"} for volume in pod["volumes"])
    assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False


def test_the_user_is_that_of_the_image():
    dockerfile = (manifests.TREE / "Dockerfile").read_text(encoding="utf-8")
    context = manifests.pod()["spec"]["securityContext"]
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}\n" in dockerfile


def test_what_is_written_has_room():
    pod, container = manifests.pod()["spec"], manifests.container()
    (volume,) = pod["volumes"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    assert [mount["name"] for mount in container["volumeMounts"]] == [volume["name"]]
    room = size_of(volume["emptyDir"]["sizeLimit"])
    limits = container["resources"]["limits"]
    assert room < size_of(limits["ephemeral-storage"])
    options = manifests.options()
    assert options["limit-request-body"] == "16m"
    at_once = int(options["queue-limit"]) + number_of(limits["cpu"]) * int(options["threads"])
    assert at_once * (16 << 20) <= room, "bodies of all requests that run or wait"


def test_resources():
    resources = manifests.container()["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"], "nobody is killed for another's memory"
    cpus = number_of(resources["limits"]["cpu"])
    assert cpus == int(cpus) and manifests.options()["workers"] == "auto"


def test_times_of_the_probes():
    """The start may take as long as clutch allows it; the end of readiness is seen before the drain."""
    container, options = manifests.container(), manifests.options()
    startup, ready = container["startupProbe"], container["readinessProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] > time_of(default_of("boot-timeout"))
    seen_s = ready["failureThreshold"] * (ready["periodSeconds"] + ready["timeoutSeconds"])
    assert seen_s < time_of(options["drain-delay"])
    for name, path in (("startup", "/startupz"), ("liveness", "/livez"), ("readiness", "/readyz")):
        probe = container[f"{name}Probe"]
        assert probe["httpGet"] == {"path": path, "port": "metrics"}
        assert probe["timeoutSeconds"] <= probe["periodSeconds"]


def test_the_kubelet_waits_long_enough():
    options = manifests.options()
    needed = time_of(options["drain-delay"]) + time_of(options["graceful-timeout"])
    grace = manifests.pod()["spec"]["terminationGracePeriodSeconds"]
    assert needed + 5 <= grace <= needed + 15
    assert "lifecycle" not in manifests.container(), "no preStop hook: --drain-delay is the wait"


def test_the_autoscaler():
    spec = the("HorizontalPodAutoscaler")["spec"]
    target = the("Deployment")
    assert spec["scaleTargetRef"] == {
        "apiVersion": target["apiVersion"],
        "kind": "Deployment",
        "name": target["metadata"]["name"],
    }
    assert "replicas" not in target["spec"], "it would undo what the autoscaler does"
    assert 2 <= spec["minReplicas"] < spec["maxReplicas"]
    (metric,) = spec["metrics"]
    assert metric["pods"]["metric"]["name"] == manifests.adapter_rule()["name"]["as"]
    assert 0 < number_of(metric["pods"]["target"]["averageValue"]) < 1
    budget = the("PodDisruptionBudget")["spec"]["maxUnavailable"]
    assert budget < spec["minReplicas"]


def test_the_rule_of_the_adapter():
    """As its documentation has it: which series, whose they are, what the metric is called, how it is asked for."""
    rule = manifests.adapter_rule()
    assert set(rule) == {"seriesQuery", "resources", "name", "metricsQuery"}
    series = re.fullmatch(r'(\w+)\{namespace!="",pod!=""\}', rule["seriesQuery"])[1]
    assert re.fullmatch(rule["name"]["matches"], series)
    assert rule["resources"]["overrides"] == {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}
    query = rule["metricsQuery"]
    selectors = re.findall(r"clutch_\w+(\{[^}]*\})?", query)
    assert len(selectors) == 3 and set(selectors) == {"{<<.LabelMatchers>>}"}, "every series is asked for of these pods"
    assert query.count("sum by (<<.GroupBy>>) (") == 3
    assert query.count("(") == query.count(")")


def test_names_in_the_environment():
    assert run_clutch(*manifests.container()["args"], "--print-config").returncode == 0
    for name in manifests.environment():
        assert name in (manifests.TREE / "pyapps/app_main.py").read_text(encoding="utf-8")
