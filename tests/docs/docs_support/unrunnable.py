# SPDX-License-Identifier: MIT
"""The commands that a document shows and the test does not run: why not, and what is checked instead.

A command that is not here is run. Add an entry only for what cannot run without the network, without Docker, or within
the time that all tests have; each check takes the command and raises Wrong.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import shlex
import subprocess
from collections.abc import Callable

import yaml

from docs_support.pages import ROOT, all_pages, commands_of
from docs_support.terminal import Wrong

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def words_of(command):
    """The words as a shell splits them, without comments and leading settings of variables."""
    words = shlex.split(command.replace("\\\n", " "), comments=True)
    while words and re.match(r"\w+=", words[0]):
        del words[0]
    return words


def options_of(words):
    return {match[0] for word in words if (match := OPTION.match(word))}


def refuse_unknown(words, known, where):
    unknown = sorted(options_of(words) - set(OPTION.findall(known)))
    if unknown:
        raise Wrong(f"{where} knows no {', '.join(unknown)}")


def the_binary():
    return os.environ.get("CLUTCH_BINARY", str(ROOT / "build" / "release" / "clutch"))


@functools.cache
def clutch_help():
    """Everything that clutch understands: also what it accepts without effect and what it knows of other servers."""
    return subprocess.run([the_binary(), "--help=markdown"], capture_output=True, text=True, check=True).stdout


@functools.cache
def control_help():
    """What the commands that talk to a running server say of themselves."""
    commands = [[the_binary(), name, "--help"] for name in ("status", "top", "stacks", "reload")]
    return "".join(subprocess.run(words, capture_output=True, text=True, check=True).stdout for words in commands)


@functools.cache
def usage_of(script):
    """The comment at the head of a shell script (its --help prints that), or the whole of another program."""
    text = (ROOT / script).read_text(encoding="utf-8")
    if not text.startswith("#!/usr/bin/env bash"):
        return text
    return text.split("source ", 1)[0]


def own_script(command):
    """It is there, may be executed, has no mistake of syntax, and its usage names the options. For those of a shell."""
    words = words_of(command)
    script = words[0]
    path = ROOT / script
    if not path.is_file() or not os.access(path, os.X_OK):
        raise Wrong(f"{script} is no program of this project")
    if usage_of(script) != path.read_text(encoding="utf-8"):
        checked = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            raise Wrong(f"{script}: {checked.stderr}")
    known = usage_of(script)
    if script == "setup/run":
        known += clutch_help()
    if script == "setup/compare":
        known += (ROOT / "pyapps" / "compare" / "options.py").read_text(encoding="utf-8")
    own = words[1 : words.index("--")] if "--" in words else words[1:]
    refuse_unknown(own, known, script)
    clutch_options(words[len(own) + 1 :])


def clutch_options(words):
    refuse_unknown(words, clutch_help(), "clutch")


def docker_build(command):
    """The file is there, and what --build-arg sets is declared in it."""
    words = words_of(command)
    file = words[words.index("-f") + 1] if "-f" in words else "Dockerfile"
    if not (ROOT / file).is_file():
        raise Wrong(f"there is no {file}")
    text = (ROOT / file).read_text(encoding="utf-8")
    for at, word in enumerate(words):
        if word == "--build-arg" and f"ARG {words[at + 1].split('=')[0]}=" not in text:
            raise Wrong(f"{file} has no ARG {words[at + 1]}")


def built_images():
    """The names behind -t of all `docker build` that the documents show."""
    names = set()
    for page in all_pages():
        for block in page.blocks("console"):
            for command in commands_of(block):
                names.update(re.findall(r"docker build .*?-t (\S+)", command.text))
    return names


def docker_run(command):
    """The image is one that the documents build, and what follows it are options of clutch."""
    words = words_of(command)
    names = built_images() & set(words)
    if not names:
        raise Wrong("no `docker build` of the documents makes this image")
    image = words.index(names.pop())
    clutch_options(words[image + 1 :])
    for variable in re.findall(r"CLUTCH_\w+", command):
        refuse_unknown_variable(variable)


def refuse_unknown_variable(name):
    """It is an option of clutch, or the demonstration reads it."""
    if name not in (ROOT / "pyapps" / "app_main.py").read_text(encoding="utf-8"):
        clutch_options(["--" + name[len("CLUTCH_") :].lower().replace("_", "-")])


def compose_file(words):
    file = ROOT / (words[words.index("-f") + 1] if "-f" in words else "compose.yaml")
    if not file.is_file():
        raise Wrong(f"there is no {file.relative_to(ROOT)}")
    return file.read_text(encoding="utf-8")


def docker_compose(command):
    """The file is there and is YAML; it has the services that the command names and reads the variables that it sets."""
    words = words_of(command)
    text = compose_file(words)
    services = yaml.safe_load(text)["services"]
    for at, word in enumerate(words[:-1]):
        if word in ("exec", "logs", "kill", "stop") and words[at + 1] not in services:
            raise Wrong(f"the compose file has no service {words[at + 1]}")
    text += "".join((ROOT / "setup" / file).read_text(encoding="utf-8") for file in set(re.findall(r"file: (\S+yaml)", text)))
    for variable in re.findall(r"\b(\w+)=\S+", command.split("docker compose")[0]):
        if "${" + variable not in text:
            raise Wrong(f"the compose file reads no {variable}")


def calls_containers(command):
    """The compose file publishes the port, and client.py (where it is that) has the options."""
    port = re.search(r"127\.0\.0\.1:(\d+)", command)[1]
    if f":{port}:" not in (ROOT / "setup" / "compose.yaml").read_text(encoding="utf-8"):
        raise Wrong(f"setup/compose.yaml publishes no port {port}")
    words = words_of(command)
    if words[0] == "python3":
        refuse_unknown(words[2:], usage_of(words[1]), words[1])


def installation(command):
    """What is installed is what tests/install installs: the words are in it or in the rules."""
    words = words_of(command)
    rules = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "setup/cmake").glob("*.cmake")))
    if "pip" in command and words[1:] == ["install", "."]:
        known = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        if "build-backend" not in known:
            raise Wrong("pyproject.toml names no build backend")
    elif "--target" in words and f"add_custom_target({words[words.index('--target') + 1]} " not in rules:
        raise Wrong(f"there is no target {words[-1]}")
    elif "cpack" in words and f"set(CPACK_GENERATOR {words[-1]})" not in rules:
        raise Wrong(f"no package of the kind {words[-1]} is made")
    elif words[0] == "systemctl" and not (ROOT / f"setup/systemd/{words[-1].split('@')[0]}@.service").exists():
        raise Wrong(f"there is no unit for {words[-1]}")


def swarm(command):
    """The file is there; the service is one of it, the image one of its images."""
    words = words_of(command)
    stack = yaml.safe_load((ROOT / "setup" / "stack.yaml").read_text(encoding="utf-8"))["services"]
    if "-c" in words and not (ROOT / words[words.index("-c") + 1]).is_file():
        raise Wrong(f"there is no {words[words.index('-c') + 1]}")
    if words[1:3] == ["service", "update"]:
        image, service = words[words.index("--image") + 1].split(":")[0], words[-1].partition("_")[2]
        if service not in stack or stack[service]["image"] != image:
            raise Wrong(f"the stack has no service {service} of the image {image}")


def cluster(command):
    """Files and folders are there; what is asked for is the metric of the autoscaler."""
    for word in words_of(command):
        if word.startswith("setup/") and not (ROOT / word).exists():
            raise Wrong(f"there is no {word}")
    metric = re.search(r"/pods/\*/(\w+)", command)
    if metric and f"name: {metric[1]}\n" not in (ROOT / "setup/kubernetes/hpa.yaml").read_text(encoding="utf-8"):
        raise Wrong(f"the autoscaler does not use {metric[1]}")


@dataclasses.dataclass(frozen=True)
class Exemption:
    pattern: str  # of the whole command, without its comment
    reason: str
    check: Callable


EXEMPTIONS = (
    Exemption(r"setup/run\b.*", "it may install packages, and compiles", own_script),
    Exemption(r"setup/test\b.*", "it runs this test", own_script),
    Exemption(
        r"setup/bench(?! --list)\b.*", "the benchmark takes an hour and wants the machine for itself", own_script
    ),
    Exemption(r"setup/peers\b.*", "it installs the other servers from the network", own_script),
    Exemption(r"setup/compare .*--with .*", "it needs the other servers, see setup/peers", own_script),
    Exemption(
        r"setup/compare(?! (?:sleeping|spinning|mixed)\b).*",
        "it takes half a minute or more; tests/compare does it",
        own_script,
    ),
    Exemption(r"setup/build\b.*", "it compiles; every test does that before", own_script),
    Exemption(r"venv/bin/pip install \.", "it compiles and asks the package index; see tests/install", installation),
    Exemption(r"cmake --(?:install|build) .*|cd build/deb && cpack .*", "it needs a build; see tests/install", installation),
    Exemption(r"systemctl .*", "it needs root and systemd", installation),
    Exemption(r"docker build .*", "it needs Docker and the network", docker_build),
    Exemption(r"docker run .*", "it needs Docker", docker_run),
    Exemption(r"(?:\w+=\S+ )*docker compose .*", "it needs Docker", docker_compose),
    Exemption(r"docker (?:swarm|stack|service) .*", "it needs a Docker Swarm", swarm),
    Exemption(r"(?:kubectl|helm) .*", "it needs a cluster", cluster),
    Exemption(r"(?:python3|curl) .*http://127\.0\.0\.1:8080\b.*", "it calls the containers", calls_containers),
)


def without_comment(command):
    return re.sub(r"\s+#.*", "", command).strip()


def find_exemption(command):
    """Returns the entry for a command, or None: then it is to be run."""
    for exemption in EXEMPTIONS:
        if re.fullmatch(exemption.pattern, without_comment(command), re.DOTALL):
            return exemption
    return None
