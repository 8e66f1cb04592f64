# SPDX-License-Identifier: MIT
"""The typed stubs say what the module `clutch` has: every name, method and parameter of the one is in the other."""

from __future__ import annotations

import ast

import pytest

from support.server import BEHAVIOUR, TREE

STUBS = TREE / "csrc/python/clutch-stubs"


def parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    every = arguments.posonlyargs + arguments.args + arguments.kwonlyargs + [arguments.vararg, arguments.kwarg]
    return sorted(one.arg for one in every if one is not None and one.arg not in ("self", "cls"))


def names_of(body) -> dict[str, object]:
    """The public names of a stub: None for a variable, parameters for a function, the same of a class's methods."""
    names: dict[str, object] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            names[node.name] = parameters(node)
        elif isinstance(node, ast.ClassDef):
            names[node.name] = names_of(node.body)
        elif isinstance(node, ast.AnnAssign):
            names[node.target.id] = None
    return {name: value for name, value in names.items() if not name.startswith("_")}


@pytest.fixture(scope="module")
def said(start_module):
    return start_module("names", "--pythonpath", BEHAVIOUR).request("/").json()


@pytest.mark.parametrize("module, file", [("clutch", "__init__.pyi"), ("clutch.metrics", "metrics.pyi")])
def test_names(said, module, file):
    assert names_of(ast.parse((STUBS / file).read_text(encoding="utf-8")).body) == said[module]
