# SPDX-License-Identifier: MIT
"""setup/compose.yaml, with what it takes from setup/stack.yaml: every service is confined, every time and size fits the others, every name leads somewhere."""

from __future__ import annotations

import re
import subprocess

import pytest
from container_support.files import (
    COMPOSE_FILE,
    NGINX_CONF,
    TREE,
    limits_of,
    nginx_values,
    read_compose,
    read_dockerfile,
    size_of,
    time_of,
    tmpfs_of,
)
from support.server import find_binary

COMPOSE = read_compose()
SERVICES = COMPOSE["services"]
CLUTCH = ("app", "tasks")
each_service = pytest.mark.parametrize("name", SERVICES)
each_clutch = pytest.mark.parametrize("name", CLUTCH)


def print_config(*options):
    """What clutch says of its options with the environment's values in `options`; raises when it refuses one."""
    done = subprocess.run([find_binary(), *options, "--print-config"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(line.split()[:2] for line in done.stdout.splitlines() if len(line.split()) > 1)


def options_of(environment):
    """CLUTCH_* variables of a service as options; those that belong to the application left out."""
    text = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value)) for name, value in environment.items()}
    return [
        f"--{name[len('CLUTCH_'):].lower().replace('_', '-')}={value}"
        for name, value in text.items()
        if name.startswith("CLUTCH_") and name != "CLUTCH_DEMO_SECONDS"
    ]


def dockerfile_of(service):
    context = (COMPOSE_FILE.parent / service["build"]["context"]).resolve()
    return context / service["build"].get("dockerfile", "Dockerfile")


@each_service
def test_a_service_is_confined(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service and "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    user, group = service["user"].split(":")
    assert int(user) > 0 and int(group) > 0
    assert service["restart"] == "unless-stopped"


@each_service
def test_a_service_is_limited(name):
    limits = limits_of(SERVICES[name])
    assert 0 < float(limits["cpus"]) <= 2
    assert 0 < limits["pids"] <= 64
    memory = size_of(limits["memory"])
    assert size_of(SERVICES[name]["memswap_limit"]) == memory, "swap would let it use more"
    assert tmpfs_of(SERVICES[name]) <= memory / 2, "what is in a tmpfs counts as memory"
    assert SERVICES[name]["deploy"].get("replicas", 1) == 1, "the story has one of each"


@each_service
def test_a_service_has_a_health_check(name):
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL") and len(check["test"]) > 1
    assert time_of(check["timeout"]) < time_of(check["interval"])
    assert check["retries"] >= 2


@each_service
def test_whom_a_service_waits_for_is_there_and_reachable(name):
    service = SERVICES[name]
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] == "service_healthy"
        assert set(service["networks"]) & set(SERVICES[other]["networks"]), f"{name} and {other} share no network"


@each_service
def test_what_a_service_is_built_from_is_there(name):
    service = SERVICES[name]
    if "build" not in service:
        assert service["pull_policy"] == "never"
        service = next(other for other in SERVICES.values() if other["image"] == service["image"] and "build" in other)
    assert dockerfile_of(service).is_file()
    declared = {text.split("=")[0] for word, text in read_dockerfile(dockerfile_of(service)) if word == "ARG"}
    assert set(service["build"].get("args", {})) <= declared
    users = [text for word, text in read_dockerfile(dockerfile_of(service)) if word == "USER"]
    assert users[-1:] == [SERVICES[name]["user"]], "the image and the service name the same user"
    for mount in SERVICES[name].get("volumes", []):
        if not isinstance(mount, str):
            continue
        volume = mount.split(":")[0]
        assert volume in COMPOSE["volumes"] or (COMPOSE_FILE.parent / volume).exists()


def test_an_image_is_built_once():
    built = [service["image"] for service in SERVICES.values() if "build" in service]
    assert sorted(built) == sorted({service["image"] for service in SERVICES.values()})


def test_what_the_image_is_built_with_is_there():
    arguments = SERVICES["app"]["build"]["args"]
    folder = TREE / arguments["APP_DIR"]
    assert (folder / arguments["REQUIREMENTS"]).is_file()
    assert (folder / SERVICES["app"]["command"][0]).is_file()
    assert (folder / (SERVICES["tasks"]["command"][0].replace(".", "/") + ".py")).is_file()
    worker = SERVICES["worker"]["entrypoint"]
    assert (folder / (worker[worker.index("-A") + 1].replace(".", "/") + ".py")).is_file()


def test_only_nginx_is_reached_from_outside():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"nginx": ["127.0.0.1:8080:8080"]}
    assert nginx_values("listen") == [published["nginx"][0].rsplit(":", 1)[1]]
    open_networks = {name for name, network in COMPOSE["networks"].items() if not network.get("internal")}
    assert [name for name, service in SERVICES.items() if open_networks & set(service["networks"])] == ["nginx"]
    assert not any("network_mode" in service for service in SERVICES.values())


@each_clutch
def test_clutch_takes_its_settings(name):
    said = print_config(*options_of(SERVICES[name]["environment"]))
    assert said["workers"] == {"app": "5", "tasks": "auto"}[name]
    # Believed is who is in the internal network that nginx is in, too.
    assert "web" in SERVICES[name]["networks"] and "web" in SERVICES["nginx"]["networks"]
    assert said["forwarded-allow-ips"] == COMPOSE["networks"]["web"]["ipam"]["config"][0]["subnet"]
    assert all(COMPOSE["networks"][network].get("internal") for network in SERVICES[name]["networks"])


def test_variables_of_the_offloading_are_known():
    text = (TREE / "pyapps/offload/settings.py").read_text(encoding="utf-8")
    tasks, worker = SERVICES["tasks"]["environment"], SERVICES["worker"]["environment"]
    for variable in {*tasks, *worker}:
        if not variable.startswith("CLUTCH_") and variable != "HEALTHCHECK_PATH":
            assert f"\n{variable} " in text, f"{variable} is not described in settings.py"
    assert {variable: tasks[variable] for variable in worker} == worker, "both must get the same"


@each_clutch
def test_stopping_takes_long_enough(name):
    """Requests may finish, then the kernel ends what is left; nginx, stopped first, outlasts them."""
    grace = time_of(SERVICES[name]["stop_grace_period"])
    environment = SERVICES[name]["environment"]
    assert grace > time_of(environment["CLUTCH_DRAIN_DELAY"]) + time_of(environment["CLUTCH_GRACEFUL_TIMEOUT"])
    assert time_of(SERVICES["nginx"]["stop_grace_period"]) >= grace
    assert SERVICES["nginx"]["stop_signal"] == "SIGQUIT"


@each_clutch
def test_sizes_fit(name):
    environment = SERVICES[name]["environment"]
    body = size_of(environment["CLUTCH_LIMIT_REQUEST_BODY"])
    assert [size_of(value) for value in nginx_values("client_max_body_size")] == [body]
    assert tmpfs_of(SERVICES[name]) >= 5 * body, "a body for each worker has room"


def test_times_of_nginx_fit_those_of_clutch():
    said = print_config()
    kept = [time_of(value) for value in nginx_values("keepalive_timeout")]
    assert len(kept) == 3, "two upstreams, and the clients' own"
    assert all(value < time_of(said["keep-alive"]) for value in kept[:2]), "nginx must be the one that closes"
    waves = 20 / 5
    assert time_of(nginx_values("proxy_read_timeout")[0]) > 2 * waves * 10, "twenty callers, five workers, ten seconds"
    assert time_of(nginx_values("client_body_timeout")[0]) > time_of(said["body-timeout"]), "clutch answers 408 first"


def test_nginx_knows_its_services():
    servers = nginx_values("server")
    assert servers == ["app:8000", "tasks:8000"], f"upstreams of {NGINX_CONF.name}"
    for server in servers:
        name, port = server.split(":")
        assert SERVICES[name]["environment"]["CLUTCH_BIND"] == f"0.0.0.0:{port}"
        assert set(SERVICES[name]["networks"]) & set(SERVICES["nginx"]["networks"])


def test_as_many_connections_as_nginx_allows_have_room():
    """A caller takes two of them and, measured, 9 KiB besides the buffer for the answer; the kernel's own buffers count, too."""
    callers = int(nginx_values("worker_connections")[0]) / 2
    each = size_of(nginx_values("proxy_buffer_size")[0]) + 9 * 1024
    assert callers * each <= size_of(limits_of(SERVICES["nginx"])["memory"]) / 2
    assert int(nginx_values("worker_rlimit_nofile")[0]) >= 2 * callers


def test_a_job_that_was_accepted_is_on_the_disk():
    text = (TREE / "setup/container/redis.conf").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^append\w+ \w+$", text) == ["appendonly yes", "appendfsync always"]


def test_redis_has_room_for_what_it_may_keep():
    text = (TREE / "setup/container/redis.conf").read_text(encoding="utf-8")
    assert size_of(re.search(r"(?m)^maxmemory (\d+\w)b$", text)[1]) <= size_of(limits_of(SERVICES["redis"])["memory"]) / 2
    assert re.search(r"(?m)^maxmemory-policy noeviction$", text), "a broker must not throw jobs away"
    directory = re.search(r"(?m)^dir (\S+)$", text)[1]
    assert [mount.split(":")[1] for mount in SERVICES["redis"]["volumes"] if isinstance(mount, str)] == [directory]
