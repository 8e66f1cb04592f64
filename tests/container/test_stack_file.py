# SPDX-License-Identifier: MIT
"""setup/stack.yaml: what a swarm makes of it, with no key that it refuses or passes over, and that it is what compose has."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from container_support.files import STACK_FILE, limits_of, read_compose, read_stack, size_of, time_of, tmpfs_of

STACK, COMPOSE = read_stack(), read_compose()
SERVICES = STACK["services"]
each_service = pytest.mark.parametrize("name", SERVICES)

# Of the Compose file format 3, what `docker stack deploy` obeys. It passes over build, depends_on, restart, security_opt and tmpfs, and
# refuses name, cpus, mem_limit, memswap_limit, pids_limit, pull_policy and extends.
OBEYED = {
    "cap_drop", "command", "deploy", "entrypoint", "environment", "healthcheck", "image", "logging", "networks", "ports", "read_only",
    "stop_grace_period", "stop_signal", "user", "volumes",
}


def test_only_keys_that_are_obeyed():
    assert {key for key in STACK if not key.startswith("x-")} == {"services", "networks", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= OBEYED, name
        assert set(service["deploy"]) <= {"placement", "replicas", "resources", "rollback_config", "update_config"}
        assert set(limits_of(service)) == {"cpus", "memory", "pids"}


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker")
def test_docker_takes_it(tmp_path):
    """As docker reads it, for which no engine need run."""
    told = subprocess.run(
        ["docker", "--config", tmp_path, "stack", "config", "-c", STACK_FILE], capture_output=True, text=True, check=False
    )
    if "unknown command" in told.stderr or "is not a docker command" in told.stderr:
        pytest.skip("this docker cannot tell")
    assert (told.returncode, told.stderr) == (0, "")


@each_service
def test_a_service_is_confined(name):
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert int(service["user"].split(":")[0]) > 0
    assert tmpfs_of(service) <= size_of(limits_of(service)["memory"]) / 2


@each_service
def test_an_update_interrupts_nobody(name):
    """A new container is healthy first, and an old one has time to end; but never two of those that have a volume."""
    deploy, keeps = SERVICES[name]["deploy"], any(isinstance(mount, str) for mount in SERVICES[name]["volumes"])
    update = deploy["update_config"]
    assert update["failure_action"] == "rollback"
    assert update["order"] == ("stop-first" if keeps else "start-first")
    assert (deploy["replicas"] == 1) is keeps and ("placement" in deploy) is keeps
    check = SERVICES[name]["healthcheck"]
    assert keeps or time_of(update["monitor"]) >= time_of(check["interval"]) + time_of(check["timeout"])


@each_service
def test_compose_has_the_same(name):
    """All keys of a service, but where it is published and how many there are."""
    here, there = SERVICES[name], COMPOSE["services"][name]
    for key in set(here) - {"deploy", "ports"}:
        assert here[key] == there[key], key
    assert limits_of(here) == limits_of(there)
    assert STACK["networks"] == COMPOSE["networks"] and STACK["volumes"] == COMPOSE["volumes"]


def test_only_nginx_is_published():
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "nginx": [{"target": 8080, "published": 8080}]
    }
