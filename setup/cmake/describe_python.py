# SPDX-License-Identifier: MIT
"""Prints, one `name=value` a line, what is needed to embed the interpreter that runs this file.

CMake and the scripts in setup/ ask the interpreter itself: it sees through version managers' wrappers, symbolic links and
virtual environments, and it knows where its library is even when another Python's `python3-config` comes first on PATH.
Runs on any Python 3.
"""
import os
import sys
import sysconfig


def first_existing(paths):
    for path in paths:
        if os.path.isfile(path):
            return os.path.realpath(path)
    return ""


def base_executable():
    """The interpreter behind a virtual environment; itself when there is none."""
    version = "python{}.{}".format(*sys.version_info[:2])
    installed = os.path.join(sys.base_prefix, "bin", version)
    return first_existing([getattr(sys, "_base_executable", "") or "", installed, sys.executable])


def library_directories():
    names = ("LIBDIR", "LIBPL")
    directories = [sysconfig.get_config_var(name) for name in names]
    return [directory for directory in directories if directory] + [os.path.join(sys.base_prefix, "lib")]


def find_library(file_name):
    # Not resolved to libpythonX.Y.so.1.0: CMake takes only what ends in .so for a shared library.
    paths = [os.path.join(directory, file_name) for directory in library_directories() if file_name]
    return next((path for path in paths if os.path.isfile(path)), "")


def static_link_libraries():
    """What a program with a static libpython must be linked with besides, each name once, in the order of their need."""
    flags = []
    for name in ("MODLIBS", "LIBS", "SYSLIBS"):
        flags += (sysconfig.get_config_var(name) or "").split()
    wanted = [flag for flag in flags if flag.startswith(("-l", "-L", "/"))]
    return sorted(set(wanted), key=wanted.index)


def describe():
    include = sysconfig.get_path("include", vars={"base": sys.base_prefix, "installed_base": sys.base_prefix}) or ""
    headers = [include, sysconfig.get_config_var("INCLUDEPY") or ""]
    is_shared = sysconfig.get_config_var("Py_ENABLE_SHARED")
    header = first_existing(os.path.join(directory, "Python.h") for directory in headers if directory)
    return [
        ("implementation", sys.implementation.name),
        ("version", "{}.{}.{}".format(*sys.version_info[:3])),
        ("minor", "{}.{}".format(*sys.version_info[:2])),
        ("executable", base_executable()),
        ("include", os.path.dirname(header)),
        ("shared", find_library(sysconfig.get_config_var("LDLIBRARY")) if is_shared else ""),
        ("static", find_library(sysconfig.get_config_var("LIBRARY"))),
        ("static_links", ";".join(static_link_libraries())),
    ]


if __name__ == "__main__":
    for name, value in describe():
        print("{}={}".format(name, value))
