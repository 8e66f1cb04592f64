# SPDX-License-Identifier: MIT
"""Reads the manifests of setup/kubernetes: by kind and name, and the numbers in them."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Dict, List

import yaml

TREE = pathlib.Path(__file__).resolve().parents[3]
FOLDER = TREE / "setup" / "kubernetes"
ADAPTER = FOLDER / "prometheus-adapter.yaml"

BINARY = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
TIMES = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def read(path: pathlib.Path) -> List[Dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def kustomization() -> Dict[str, Any]:
    return read(FOLDER / "kustomization.yaml")[0]


def all_manifests() -> List[Dict[str, Any]]:
    """Every object that `kubectl apply -k` would make."""
    return [manifest for name in kustomization()["resources"] for manifest in read(FOLDER / name)]


def the(kind: str, name: str = "clutch") -> Dict[str, Any]:
    found = [one for one in all_manifests() if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def pod() -> Dict[str, Any]:
    """The template of the pods."""
    return the("Deployment")["spec"]["template"]


def container() -> Dict[str, Any]:
    containers = pod()["spec"]["containers"]
    assert len(containers) == 1
    return containers[0]


def options() -> Dict[str, str]:
    """The arguments as a dict, without the dashes."""
    return dict(argument[2:].split("=", 1) for argument in container()["args"])


def environment() -> Dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container()["env"]}


def ports() -> Dict[str, int]:
    return {port["name"]: port["containerPort"] for port in container()["ports"]}


def adapter_rule() -> Dict[str, Any]:
    rules = read(ADAPTER)[0]["rules"]["custom"]
    assert len(rules) == 1
    return rules[0]


def size_of(quantity: str) -> int:
    """Bytes of 512Mi."""
    number, unit = re.fullmatch(r"(\d+)(|[KMG]i)", quantity).groups()
    return int(number) * BINARY[unit]


def number_of(quantity: str) -> float:
    """Of 600m, or 2."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def time_of(text: str) -> float:
    """Seconds of 15s, 500ms."""
    number, unit = re.fullmatch(r"([\d.]+)(ms|s|m|h)", text).groups()
    return float(number) * TIMES[unit]
