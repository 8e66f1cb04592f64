# SPDX-License-Identifier: MIT
"""setup/dependencies: what it changes on a machine while it installs, it changes back. Nothing is installed here."""

from __future__ import annotations

import shutil
import signal
import subprocess

import pytest
from container_support.files import TREE

POLICY = "/usr/sbin/policy-rc.d"


@pytest.fixture
def install(tmp_path):
    """install(shell) -> exit status: runs `shell` in place of apt-get install; the machine's policy is the file `policy`."""
    policy = tmp_path / "policy"
    script = (TREE / "setup/dependencies").read_text(encoding="utf-8")
    assert POLICY in script and script.endswith('\nmain "$@"\n')
    script = script.replace(POLICY, str(policy))[: -len('main "$@"\n')]
    (tmp_path / "dependencies").write_text(script + 'as_root() { "$@"; }\neval "apt_install() { $1; }"\nwithout_services apt_install\n')
    shutil.copy(TREE / "setup/common.sh", tmp_path)

    def run(shell):
        command = ["bash", tmp_path / "dependencies", shell]
        # A shell that is started with SIGINT ignored, as in the background of another one, cannot be interrupted.
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, check=False, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        ).returncode

    run.policy = policy
    return run


@pytest.mark.parametrize("end, expected", [("true", 0), ("return 3", 3), ("exit 4", 4), ("kill -TERM $$; true", 143), ("kill -INT $$; true", 130)])
def test_services_start_again_afterwards(install, tmp_path, end, expected):
    """Also when the installation fails or is interrupted."""
    assert install(f"'{install.policy}'; echo $? >'{tmp_path}/denied'; {end}") == expected
    assert (tmp_path / "denied").read_text() == "101\n"
    assert not install.policy.exists()


def test_a_policy_that_is_there_stays(install):
    install.policy.write_text("#!/bin/sh\nexit 0\n")
    assert install("true") == 0
    assert install.policy.read_text() == "#!/bin/sh\nexit 0\n"
