# SPDX-License-Identifier: MIT
"""Checks that each folder of csrc/ sees only the folders below it.

Usage: check.py [--expect-problems FILE] CSRC [COMPILE_COMMANDS]

Reads the sources for what no compiler would refuse (system headers are visible to all), and with COMPILE_COMMANDS asks the
compiler, with each folder's own flags, which headers it can see.
"""
import argparse
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

MAY_SEE = {
    "base": set(),
    "config": {"base"},
    "gateway": {"base"},
    "metrics": {"base"},
    "net": {"base"},
    "http": {"net", "gateway", "base"},
    "board": {"http", "net", "gateway", "base"},
    "monitor": {"board", "metrics", "http", "net", "gateway", "config", "base"},
    "process": {"monitor", "board", "metrics", "http", "net", "gateway", "config", "base"},
    "control": {"config", "base"},
    "python": {"metrics", "gateway", "config", "base"},
}

# Folder -> the only headers that it may include of all folders above base, narrower than what the compiler sees.
ONLY = {"board": {"exchange_progress.h", "h1_counts.h", "h1_reason.h"}}

# Header of somebody else -> who may include it, and the word for that in a message.
FOREIGN = [
    (re.compile(r"llhttp[\w-]*\.h"), re.compile(r"http/h1_parse\.c"), "only http/h1_parse.c"),
    (re.compile(r"ini\.h"), re.compile(r"config/ini_lines\.c"), "only config/ini_lines.c"),
    (re.compile(r"(n?curses|term)\.h"), re.compile(r"control/top_screen\.c"), "only control/top_screen.c"),
    (re.compile(r"Python\.h"), re.compile(r"python/.*"), "only the folder python"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]')


def source_files(csrc):
    return sorted(path for path in csrc.rglob("*") if path.suffix in (".c", ".h", ".def"))


def headers_by_name(csrc):
    """Bare name -> folder, for every header and table of ours; a name in two folders is a problem."""
    owners, problems = {}, []
    for path in source_files(csrc):
        if path.suffix == ".c":
            continue
        folder = path.relative_to(csrc).parts[0]
        if path.name in owners and owners[path.name] != folder:
            problems.append("{} is in {} and in {}: headers are included by bare name".format(
                path.name, owners[path.name], folder))
        owners[path.name] = folder
    return owners, problems


def check_includes(csrc, owners):
    problems = []
    for path in source_files(csrc):
        place = path.relative_to(csrc).as_posix()
        folder = place.split("/")[0]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            problems += ["{}:{}: {}".format(place, number, problem)
                         for problem in judge_include(place, folder, match.group(1), owners)]
    return problems


def judge_include(place, folder, included, owners):
    for header, allowed, who in FOREIGN:
        if header.fullmatch(pathlib.PurePosixPath(included).name) and not allowed.fullmatch(place):
            yield "{} includes {}".format(who, included)
    owner = owners.get(pathlib.PurePosixPath(included).name)
    if folder in MAY_SEE and owner not in (None, folder) and owner not in MAY_SEE[folder]:
        yield "{} must not include {}, which belongs to {}".format(folder, included, owner)
    elif folder in ONLY and owner not in (None, folder, "base") and included not in ONLY[folder]:
        yield "{} must not include {} of {}, but only {}".format(folder, included, owner, ", ".join(sorted(ONLY[folder])))


def compiler_of_folders(csrc, commands_file):
    """Folder -> its different compile commands, without source and output, each with the directory to run it in."""
    compilers = {}
    for entry in json.loads(pathlib.Path(commands_file).read_text(encoding="utf-8")):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if csrc not in path.parents:
            continue
        folder = path.relative_to(csrc).parts[0]
        words = shlex.split(entry["command"])
        kept = [word for i, word in enumerate(words) if word not in ("-c", "-o", entry["file"]) and words[i - 1] != "-o"]
        known = compilers.setdefault(folder, [])
        if (kept, entry["directory"]) not in known:
            known.append((kept, entry["directory"]))
    return compilers


def compile_probe(compiler, text, *mode):
    command, directory = compiler
    with tempfile.NamedTemporaryFile("w", suffix=".c") as probe:
        probe.write(text)
        probe.flush()
        return subprocess.run([*command, *mode, probe.name], cwd=directory, universal_newlines=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def visible_headers(compiler, names):
    text = "".join('#if __has_include("{0}")\nsees "{0}"\n#endif\n'.format(name) for name in names)
    result = compile_probe(compiler, text, "-E", "-P", "-w")
    if result.returncode != 0:
        raise SystemExit("the probe of visible headers failed:\n" + result.stderr)
    return set(re.findall(r'sees "([^"]+)"', result.stdout))


def check_compiler(csrc, owners, compilers):
    problems = []
    for folder, below in sorted(MAY_SEE.items()):
        if folder not in compilers:
            problems.append("{}: nothing is compiled in this folder".format(folder))
            continue
        names = sorted(owners) + ["Python.h"]
        seen = set().union(*(visible_headers(compiler, names) for compiler in compilers[folder]))
        right = {name for name, owner in owners.items() if owner == folder or owner in below}
        right |= {"Python.h"} if folder == "python" else set()
        problems += ["{}: the compiler can see {}".format(folder, name) for name in sorted(seen - right)]
        problems += ["{}: the compiler cannot see {}".format(folder, name) for name in sorted(right - seen)]
        problems += check_headers_alone(folder, owners, compilers[folder])
    problems += check_wrong_include("http", "Python.h", compilers)
    problems += check_wrong_include("python", "listener.h", compilers)
    return problems


def refusal_of_include(header, compiler):
    """What the compiler says to a source with this one line; None when it compiles."""
    result = compile_probe(compiler, '#include "{}"\n'.format(header), "-fsyntax-only")
    return None if result.returncode == 0 else result.stderr


def check_headers_alone(folder, owners, compilers):
    """A header must not need another one before it."""
    for name in sorted(name for name, owner in owners.items() if owner == folder and name.endswith(".h")):
        for compiler in compilers:
            refusal = refusal_of_include(name, compiler)
            if refusal is None:
                break
        else:
            yield "{}/{} does not compile alone:\n{}".format(folder, name, refusal)


def check_wrong_include(folder, header, compilers):
    """The rule as a developer meets it: the wrong line in a source stops the build, for want of that file."""
    for compiler in compilers.get(folder, []):
        if header not in (refusal_of_include(header, compiler) or ""):
            yield "{}: a source that includes {} compiles".format(folder, header)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--expect-problems", metavar="FILE", help="succeed when exactly these problems are found")
    parser.add_argument("csrc", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("compile_commands", nargs="?")
    arguments = parser.parse_args()

    owners, problems = headers_by_name(arguments.csrc)
    problems += check_includes(arguments.csrc, owners)
    if arguments.compile_commands:
        compilers = compiler_of_folders(arguments.csrc, arguments.compile_commands)
        problems += check_compiler(arguments.csrc, owners, compilers)
    print("\n".join(problems) or "{} headers, no include against the direction".format(len(owners)))
    if arguments.expect_problems:
        expected = pathlib.Path(arguments.expect_problems).read_text(encoding="utf-8").splitlines()
        return 0 if problems == expected else 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
