# SPDX-License-Identifier: MIT
# What the scripts of this folder share. Sourced by them, with bash.
set -euo pipefail

project_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script_name=setup/$(basename "$0")

say() {
    printf '%s: %s\n' "$script_name" "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# The comment at the head of the calling script, without its marks, is its help.
print_usage() {
    sed -n '3,/^[^#]/{ s/^# \{0,1\}//p; }' "$0"
}

# describe_python PYTHON NAME: one fact about an interpreter (see describe_python.py); nothing when it does not run.
describe_python() {
    "$1" "$project_root/setup/cmake/describe_python.py" 2>/dev/null | sed -n "s/^$2=//p" || true
}

# can_embed_python PYTHON: a CPython 3.9 or newer that has its C headers and a libpython?
can_embed_python() {
    "$1" - "$project_root/setup/cmake" >/dev/null 2>&1 <<'END'
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from describe_python import describe
facts = dict(describe())
usable = facts["implementation"] == "cpython" and sys.version_info >= (3, 9)
sys.exit(not (usable and facts["include"] and (facts["shared"] or facts["static"])))
END
}

# Prints the interpreter to build against: the first python3 on PATH if it can be embedded, else the system's. Fails when there is none.
choose_python() {
    local candidate
    for candidate in "$(command -v python3 || true)" /usr/bin/python3; do
        if [ -n "$candidate" ] && can_embed_python "$candidate"; then
            describe_python "$candidate" executable
            return 0
        fi
    done
    return 1
}

# prepare_venv DIRECTORY PYTHON REQUIREMENTS...: a virtual environment of that Python with what these files ask for. One that is there
# serves as long as neither the Python nor the files have changed; then it needs no network.
prepare_venv() {
    local venv=$1 python=$2 file wanted arguments=()
    shift 2
    for file in "$@"; do
        arguments+=(-r "$file")
    done
    wanted=$(describe_python "$python" executable; describe_python "$python" version; cat "$@")
    if [ ! -x "$venv/bin/python" ] || [ "$(cat "$venv/made-from" 2>/dev/null)" != "$wanted" ]; then
        say "making $venv"
        "$python" -m venv --clear "$venv" >&2 &&
            "$venv/bin/python" -m pip install -q --disable-pip-version-check "${arguments[@]}" >&2 || return 1
        echo "$wanted" >"$venv/made-from"
    fi
}
