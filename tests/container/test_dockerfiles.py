# SPDX-License-Identifier: MIT
"""The Dockerfiles, without Docker: what they copy is there, what they run works with it, how they start."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess

import pytest
from container_support.files import CONTAINER, TREE, read_dockerfile
from support.server import find_binary

CONTEXT = {"Dockerfile": TREE, "seed.Dockerfile": TREE, "nginx.Dockerfile": CONTAINER, "redis.Dockerfile": CONTAINER}
BASES = {"debian:trixie-slim", "python:3.13-slim"}


def path_of(name):
    return TREE / name if name == "Dockerfile" else CONTAINER / name


def arguments_of(name):
    """ARGs that have a default."""
    return dict(text.split("=", 1) for word, text in read_dockerfile(path_of(name)) if word == "ARG")


def expand(text, arguments):
    return re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], text)


def sources_of(name):
    """What is copied from the build context."""
    for word, text in read_dockerfile(path_of(name)):
        if word in ("COPY", "ADD") and "--from=" not in text:
            yield from expand(text, arguments_of(name)).split()[:-1]


def is_ignored(path):
    patterns = (TREE / ".dockerignore").read_text(encoding="utf-8").split()
    return any(fnmatch.fnmatch(path, pattern) or path.startswith(pattern + "/") for pattern in patterns)


def last(name, word):
    return [text for found, text in read_dockerfile(path_of(name)) if found == word][-1]


each = pytest.mark.parametrize("name", CONTEXT)


@each
def test_what_is_copied_is_there(name):
    sources = list(sources_of(name))
    assert sources
    for source in sources:
        assert (CONTEXT[name] / source).exists(), f"{name} copies {source}"
        if CONTEXT[name] == TREE and source != ".":
            assert not is_ignored(source), f"{name} copies {source}, .dockerignore leaves it out"


@each
def test_bases_are_known(name):
    """Two names, so that whoever builds these pulls no more than that; every other FROM names a stage."""
    stages = set()
    for word, text in read_dockerfile(path_of(name)):
        if word == "FROM":
            base, _, stage = expand(text, arguments_of(name)).partition(" AS ")
            assert base in BASES | stages
            stages.add(stage)


@each
def test_commands_are_lists(name):
    """A shell in between would keep the stop signal from the server."""
    for word in ("CMD", "ENTRYPOINT"):
        for text in (text for found, text in read_dockerfile(path_of(name)) if found == word):
            assert all(isinstance(item, str) for item in json.loads(text))


@each
def test_package_lists_do_not_stay(name):
    for word, text in read_dockerfile(path_of(name)):
        if word == "RUN" and "apt-get install" in text:
            for part in ("apt-get update && ", "--no-install-recommends", "rm -rf /var/lib/apt/lists/*"):
                assert part in text


@pytest.mark.parametrize("name", [name for name in CONTEXT if name != "seed.Dockerfile"])
def test_an_image_has_a_user_and_a_health_check(name):
    user, group = last(name, "USER").split(":")
    assert int(user) > 0 and int(group) > 0
    kind, _, command = last(name, "HEALTHCHECK").partition(" CMD ")
    assert "--interval=" in kind and json.loads(command)


def test_the_users_of_the_images_are_different():
    assert len({last(name, "USER") for name in CONTEXT if name != "seed.Dockerfile"}) == 3


def test_dependencies_need_no_more_than_what_was_copied_first(tmp_path):
    """The image's first layers must stay valid when code changes: only these files are there when the script runs."""
    instructions = read_dockerfile(path_of("Dockerfile"))
    at = next(i for i, (word, text) in enumerate(instructions) if word == "RUN" and "setup/dependencies" in text)
    for word, text in instructions[:at]:
        if word == "COPY":
            *sources, target = text.split()
            (tmp_path / target).mkdir(parents=True, exist_ok=True)
            for source in sources:
                shutil.copy(TREE / source, tmp_path / target)
    done = subprocess.run([tmp_path / "setup/dependencies", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Usage: setup/dependencies" in done.stdout
    probe = f"source {tmp_path}/setup/common.sh; choose_python"
    found = subprocess.run(["bash", "-c", probe, "setup/x"], capture_output=True, text=True, check=False)
    assert found.returncode == 0 and os.access(found.stdout.strip(), os.X_OK), found.stderr


def test_the_build_leaves_out_what_it_does_not_need():
    for path in (".git", "build", "build-x", "tests", "pyapps/__pycache__"):
        assert is_ignored(path), path


def test_the_settings_of_the_image_are_taken():
    environment = dict(re.findall(r"(CLUTCH_\w+)=(\S+)", last("Dockerfile", "ENV")))
    environment["CLUTCH_APP"] = expand(environment["CLUTCH_APP"], arguments_of("Dockerfile"))
    done = subprocess.run(
        [find_binary(), "--check-config"],
        cwd=TREE / arguments_of("Dockerfile")["APP_DIR"],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_clutch_takes_the_command_line_of_the_seed():
    program, *arguments = json.loads(last("seed.Dockerfile", "CMD"))
    assert program == "clutch"
    assert arguments == ["--http", "0.0.0.0:8000", "--wsgi-file", "app_main.py", "--master", "--processes", "5"]
    done = subprocess.run(
        [find_binary(), *arguments, "--check-config"],
        cwd=TREE / "pyapps",
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_shows_the_dockerfile_of_the_seed():
    """The right column of its table is the file, line for line."""
    readme = (TREE / "setup/README.md").read_text(encoding="utf-8")
    shown = re.findall(r"(?m)^\| `[^`]*`(?:<br>`[^`]*`)* \| (`[^|]*`) \|$", readme)
    lines = [line for cell in shown for line in re.findall(r"`([^`]+)`", cell)]
    file = path_of("seed.Dockerfile").read_text(encoding="utf-8").splitlines()
    assert lines and lines == [line for line in file if line and not line.startswith("#")]
