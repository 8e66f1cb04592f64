# SPDX-License-Identifier: MIT
"""As whom the workers run, what they keep of root's rights (nothing), and who may use a unix socket."""

from __future__ import annotations

import grp
import os
import pathlib
import pwd
import shutil
import stat
import subprocess

import pytest

from support import processes
from support.server import BEHAVIOUR, find_binary, run_clutch
from support.users import copy_library, only_root, public_folder

NOBODY = pwd.getpwnam("nobody")
MODES = pytest.mark.parametrize("mode", [[], ["--preload"]], ids=["alone", "preload"])
NO_CAPABILITIES = "0" * 16


@pytest.fixture(scope="module")
def library():
    with public_folder() as folder:
        yield copy_library(folder)


@pytest.fixture(scope="module")
def attempts():
    """The application attempts.py, readable for everybody."""
    with public_folder() as folder:
        yield shutil.copy(BEHAVIOUR / "attempts.py", folder)


@pytest.fixture
def start_as(start, attempts, library):
    """start_as(user, *options): serves attempts.py."""

    def start_it(user, *options, **keywords):
        return start(attempts, "--user", user, *options, environment={"PYTHONHOME": str(library)}, **keywords)

    return start_it


def ids_of(uid, gid):
    return f"{(uid,) * 3} {(gid,) * 3} "


@only_root
def test_an_application_that_the_user_may_not_read(tmp_path, library):
    """As in root's home: Python just looks elsewhere."""
    (tmp_path / "secret_shop.py").write_text("def application(environ, start_response): ...\n")
    arguments = ("--check-config", "--user", "nobody", "--pythonpath", tmp_path, "secret_shop")
    result = run_clutch(*arguments, environment={"PYTHONHOME": str(library)})
    assert result.returncode == 3
    assert f"(see --chdir and --pythonpath); the user of the workers may not look into '{tmp_path}'\n" in result.stderr
    assert "look into" not in run_clutch("--check-config", "--pythonpath", tmp_path, "no_such_shop").stderr


@only_root
def test_root_is_never_served_as_silently(start, attempts):
    server = start(attempts)
    assert server.log_contains(
        r"\[warning\] master: the workers run as root; name another user with --user, or root itself if that is meant"
    )


@only_root
@pytest.mark.parametrize("user", ["root", "0"])
def test_root_on_purpose(start_as, user):
    server = start_as(user)
    assert server.request("/ids").text.startswith(ids_of(0, 0))
    assert server.log_contains(r"\[info\] master: the workers run as root, as --user says")
    assert not server.log_contains(r"\[warning\]")


@only_root
def test_root_on_purpose_from_the_environment(start, attempts):
    server = start(attempts, environment={"CLUTCH_USER": "root"})
    assert server.log_contains(r"\[info\] master: the workers run as root, as --user says")
    assert not server.log_contains(r"\[warning\]")


@only_root
def test_group(start, attempts):
    """Root's own groups are gone, its user is not: that is said."""
    server = start(attempts, "--group", NOBODY.pw_gid)
    assert server.request("/ids").text == ids_of(0, NOBODY.pw_gid) + str([NOBODY.pw_gid])
    assert server.log_contains("the workers run as root; name another user")


@only_root
@MODES
def test_user_and_group(start_as, mode):
    server = start_as("nobody", "--group", NOBODY.pw_gid, *mode)
    ids, _, groups = server.request("/ids").text.partition(" [")
    assert ids + " " == ids_of(NOBODY.pw_uid, NOBODY.pw_gid)
    assert "0" not in groups.rstrip("]").split(", "), "root's own groups were kept"
    assert server.request("/regain").text == "nothing"
    assert server.log_contains(rf"the workers run as user {NOBODY.pw_uid}, group {NOBODY.pw_gid} and 1 group in all")
    assert not server.log_contains("run as root")


@only_root
def test_groups_are_those_of_a_login(start_as):
    """Some user who is in a group beside his own, if this machine has one."""
    member = next(((name, group.gr_gid) for group in grp.getgrall() for name in group.gr_mem if name != "root"), None)
    if member is None:
        pytest.skip("no user of this machine is in a second group")
    server = start_as(member[0])
    assert str(member[1]) in server.request("/ids").text.partition("[")[2].rstrip("]").split(", ")


@only_root
@MODES
def test_no_capability_is_left(start_as, mode):
    server = start_as("nobody", *mode)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert server.request(f"/status?{name}").text == NO_CAPABILITIES, name
    assert server.request("/status?NoNewPrivs").text == "1"
    assert server.log_contains("setuid programs give them no more rights")


@only_root
@pytest.mark.parametrize("mode", [[], ["--preload"], ["--sandbox", "best-effort"]], ids=["alone", "preload", "sandbox"])
def test_rights_that_a_service_manager_gave_are_for_the_listeners(start, attempts, library, mode):
    """A server of an ordinary user that may open low ports: its workers may not."""
    if shutil.which("setpriv") is None:
        pytest.skip("util-linux's setpriv is needed to start the server with a capability")
    user = ["setpriv", "--reuid", "nobody", "--regid", str(NOBODY.pw_gid), "--clear-groups"]
    prefix = [*user, "--inh-caps", "+net_bind_service", "--ambient-caps", "+net_bind_service"]
    if subprocess.run([*prefix, find_binary(), "--version"], capture_output=True).returncode != 0:
        pytest.skip("nobody may not start this clutch, or root may not give capabilities away here")
    server = start(attempts, *mode, prefix=prefix, environment={"PYTHONHOME": str(library)})
    assert "CapEff:\t0000000000000400\n" in (processes.PROC / str(server.pid) / "status").read_text()
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert server.request(f"/status?{name}").text == NO_CAPABILITIES, name
    assert server.log_contains(r"\[info\] master: the workers keep none of the capabilities that this server has")


@only_root
def test_setuid_programs_where_they_are_wanted(start_as):
    server = start_as("nobody", "--no-new-privs", "off")
    assert server.request("/status?NoNewPrivs").text == "0"
    assert server.request("/status?CapPrm").text == NO_CAPABILITIES
    assert server.log_contains("setuid programs can give them more rights")


def test_no_new_privileges_without_root(start, attempts):
    assert start(attempts).request("/status?NoNewPrivs").text == "0"
    assert start(attempts, "--no-new-privs", "on").request("/status?NoNewPrivs").text == "1"


@only_root
def test_the_zygote_is_the_user_as_well(start_as):
    server = start_as("nobody", "--preload")
    zygote = int(server.wait_for_log(r"spawned zygote \(pid: (\d+)\)")[1])
    status = (processes.PROC / str(zygote) / "status").read_text()
    assert f"Uid:\t{NOBODY.pw_uid}\t{NOBODY.pw_uid}\t{NOBODY.pw_uid}\t{NOBODY.pw_uid}\n" in status
    assert f"CapBnd:\t{NO_CAPABILITIES}\n" in status


@only_root
def test_others_of_the_user_cannot_look_into_a_worker(start_as):
    """A process that has changed its user belongs to root in /proc, writes no core, and cannot be traced by its like."""
    if pathlib.Path("/proc/sys/fs/suid_dumpable").read_text().strip() != "0":
        pytest.skip("fs.suid_dumpable allows it")
    server = start_as("nobody", workers=2)
    for pid in server.worker_pids():
        assert (processes.PROC / str(pid) / "mem").stat().st_uid == 0
    assert server.request("/memory_of_siblings").text == "none"


@only_root
def test_a_port_of_root_is_opened_before(start_as):
    for port in range(600, 1024):  # the server tries, for nobody can keep a port for it
        server = start_as("nobody", bind=[f"127.0.0.1:{port}"], ready=False)
        if "in use" not in server.wait_for_log(r"listening at|in use").string:
            break
        assert server.wait_exit() == 1
    assert server.request("/ids").text.startswith(ids_of(NOBODY.pw_uid, NOBODY.pw_gid))


@only_root
def test_files_of_root_are_opened_before(start_as, tmp_path):
    """Logs and pid file are in a folder that the workers may not even enter; both are written to and tidied up."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    server = start_as("nobody", "--access-logfile", folder / "access", "--pid", folder / "pid")
    assert server.request(f"/read?{folder}/pid").text == "PermissionError EACCES"
    assert (folder / "pid").read_text() == f"{server.pid}\n"
    assert server.stop() == 0
    assert "/read?" in (folder / "access").read_text()
    assert not (folder / "pid").exists()


@only_root
def test_a_root_without_the_right_to_change_users(start_as):
    if shutil.which("setpriv") is None:
        pytest.skip("util-linux's setpriv is needed to take root's rights")
    prefix = ["setpriv", "--bounding-set", "-setuid,-setgid", "--inh-caps", "-setuid,-setgid"]
    server = start_as("nobody", prefix=prefix, ready=False)
    assert server.wait_exit() == 1
    assert server.log_contains("--user and --group: this root may not change .* CAP_SETUID and CAP_SETGID")


@pytest.mark.parametrize("options", [[], ["--preload", "--threads", "2"]], ids=["alone", "preload"])
def test_started_programs_get_no_descriptor(start, attempts, options):
    """Listener, connections, queue, pipes, epoll: all of them are closed on exec, on connections of any origin."""
    server = start(attempts, *options, workers=2)
    for _ in range(4):
        assert server.request("/inheritable").text == ""
    assert server.request("/child_descriptors").text == str(["0", "1", "2", "3"])


@pytest.mark.parametrize("mode, expected", [("660", 0o660), ("0666", 0o666), ("600", 0o600)])
def test_permissions_of_a_unix_socket(start, attempts, tmp_path, mode, expected):
    server = start(attempts, "--chmod-socket", mode, "--umask", "077", bind=[f"unix:{tmp_path}/s"])
    status = (tmp_path / "s").lstat()
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == expected
    assert server.request("/status?Umask").text == "0077"
    assert server.stop() == 0
    assert not (tmp_path / "s").exists()


def test_umask_counts_without(start, attempts, tmp_path):
    start(attempts, "--umask", "027", bind=[f"unix:{tmp_path}/s"])
    assert stat.S_IMODE((tmp_path / "s").lstat().st_mode) == 0o750


@only_root
def test_owner_of_a_unix_socket(start_as, tmp_path):
    server = start_as("nobody", "--chown-socket", "nobody:0", "--chmod-socket", "600", bind=[f"unix:{tmp_path}/s"])
    status = (tmp_path / "s").lstat()
    assert (status.st_uid, status.st_gid) == (NOBODY.pw_uid, 0)
    assert server.request("/ids").text.startswith(ids_of(NOBODY.pw_uid, NOBODY.pw_gid))


@pytest.mark.parametrize("owner", ["no-such-user-here", "0:no-such-group-here"])
def test_an_owner_that_does_not_exist(owner):
    result = run_clutch("--chown-socket", owner, BEHAVIOUR / "attempts.py")
    assert result.returncode == 2
    assert f"--chown-socket {owner}: there is no such" in result.stderr and "expected USER" in result.stderr


def test_a_link_is_no_socket(start, attempts, tmp_path):
    """Whoever may write to the socket's directory cannot make root replace or change another file."""
    (tmp_path / "target").write_text("kept")
    (tmp_path / "s").symlink_to(tmp_path / "target")
    server = start(attempts, "--chmod-socket", "666", bind=[f"unix:{tmp_path}/s"], ready=False)
    assert server.wait_exit() == 1
    assert server.log_contains("something that is no socket is there already")
    assert (tmp_path / "s").is_symlink() and (tmp_path / "target").read_text() == "kept"


def test_abstract_sockets_are_refused():
    result = run_clutch("--bind", "unix:@app", BEHAVIOUR / "attempts.py")
    assert result.returncode == 2
    assert "abstract sockets are not offered, because no permission guards them" in result.stderr


@only_root
def test_setuid_programs_really_fail(start_as):
    """A copy of `id` that is set-user-ID root, started by the application of nobody."""
    folder = processes.PROC.parent / "var" / "tmp" / f"setuid-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        shutil.copy(shutil.which("id"), folder / "id")
        (folder / "id").chmod(0o4755)
        user = ["setpriv", "--reuid", str(NOBODY.pw_uid), "--clear-groups", "--regid", str(NOBODY.pw_gid)]
        if shutil.which("setpriv") is None or subprocess.check_output([*user, folder / "id", "-u"]) != b"0\n":
            pytest.skip("setuid programs have no effect on this file system")
        assert start_as("nobody").request(f"/run?{folder}/id%20-u").text == str(NOBODY.pw_uid)
        assert start_as("nobody", "--no-new-privs", "off").request(f"/run?{folder}/id%20-u").text == "0"
    finally:
        shutil.rmtree(folder)
