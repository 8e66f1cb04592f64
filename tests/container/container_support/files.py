# SPDX-License-Identifier: MIT
"""Reads the files that make the container: Dockerfiles, the compose file, nginx.conf."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Dict, List, NamedTuple

import yaml

TREE = pathlib.Path(__file__).resolve().parents[3]
CONTAINER = TREE / "setup" / "container"
COMPOSE_FILE = TREE / "setup" / "compose.yaml"
STACK_FILE = TREE / "setup" / "stack.yaml"
NGINX_CONF = CONTAINER / "nginx.conf"

SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
TIMES = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600}


class Instruction(NamedTuple):
    word: str  # FROM, RUN ...
    text: str  # what follows, in one line


def read_dockerfile(path: pathlib.Path) -> List[Instruction]:
    """Returns the instructions, continued lines joined and comments dropped."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    words = [line.split(None, 1) for line in joined.splitlines() if line.strip()]
    return [Instruction(word.upper(), " ".join(text.split())) for word, text in words]


def read_stack() -> Dict[str, Any]:
    return yaml.safe_load(STACK_FILE.read_text(encoding="utf-8"))


def read_compose() -> Dict[str, Any]:
    """The compose file with what its services take from others (`extends`) put in."""
    made = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    for name, service in made["services"].items():
        if "extends" in service:
            base = yaml.safe_load((COMPOSE_FILE.parent / service["extends"]["file"]).read_text(encoding="utf-8"))
            made["services"][name] = merge(base["services"][service.pop("extends")["service"]], service)
    return made


def merge(base: Any, added: Any) -> Any:
    """As compose does it, without what no service needs: maps are joined; a list must not be in both."""
    if not isinstance(base, dict):
        assert not isinstance(base, list), "compose would join the lists"
        return added
    return {**base, **{key: merge(base[key], value) if key in base else value for key, value in added.items()}}


def limits_of(service: Dict[str, Any]) -> Dict[str, Any]:
    return service["deploy"]["resources"]["limits"]


def tmpfs_of(service: Dict[str, Any]) -> int:
    """Bytes that its only place for temporary files, /tmp, may take."""
    (mount,) = [volume for volume in service["volumes"] if not isinstance(volume, str)]
    assert (mount["type"], mount["target"]) == ("tmpfs", "/tmp")
    return mount["tmpfs"]["size"]


def nginx_values(name: str) -> List[str]:
    """The values of a directive of nginx.conf, in order, wherever it stands."""
    text = re.sub(r"#.*", "", NGINX_CONF.read_text(encoding="utf-8"))
    return [" ".join(value.split()) for value in re.findall(rf"(?m)^\s*{name}\s+([^;{{]+);", text)]


def size_of(text: str) -> int:
    """Bytes of a size as Docker, nginx and clutch write it: 64m."""
    number, unit = re.fullmatch(r"(\d+)([kmg]?)", str(text).lower()).groups()
    return int(number) * SIZES[unit]


def time_of(text: str) -> float:
    """Seconds of a time as Docker, nginx and clutch write it: 30s, 500ms."""
    number, unit = re.fullmatch(r"([\d.]+)(ms|s|m|h|)", str(text)).groups()
    return float(number) * TIMES[unit]
