"""Leases: no two live sandboxes have one number, and those of the dead are found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import leases
from sandbox.contracts import SandboxUnavailable
from sandbox.leases import FIRST_UID, UIDS, Lease, kill_all, processes_of, state_folder, take_lease, take_stale

ELSEWHERE = """
import os, sys
from pathlib import Path
import sandbox.leases as leases
leases.UIDS = 1
leases.state_folder = lambda: Path(sys.argv[1])
try: lease = leases.take_lease()
except Exception as error: sys.exit(str(error))
lease.note([Path("/somewhere/a"), Path("/somewhere/b")])
os.kill(os.getpid(), 9)
"""
"""Another process that takes the one lease there is, and is killed."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of leases of this test's own."""
    monkeypatch.setattr(leases, "state_folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def lease() -> Iterator[Lease]:
    taken = take_lease()
    yield taken
    taken.release()


def test_numbers_differ_and_are_free_again_after_release(folder: Path) -> None:
    taken = [take_lease() for _ in range(50)]
    assert len({lease.number for lease in taken}) == 50
    assert all(0 <= lease.number < UIDS for lease in taken)
    assert sorted(folder.iterdir()) == sorted(lease.path for lease in taken)
    for lease in taken:
        lease.release()
        lease.release()
    assert list(folder.iterdir()) == []


def test_when_few_are_left_those_are_found_and_then_there_are_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "UIDS", 3)
    taken = [take_lease() for _ in range(3)]
    assert {lease.number for lease in taken} == {0, 1, 2}
    with pytest.raises(SandboxUnavailable, match=r"all 3 leases.*agentkit sandbox prune"):
        take_lease()
    taken[1].release()
    last = take_lease()
    assert last.number == taken[1].number
    for lease in (taken[0], last, taken[2]):
        lease.release()


def test_the_user_is_a_throw_away_one_only_where_root_gives_it(lease: Lease) -> None:
    expected = FIRST_UID + lease.number if os.geteuid() == 0 else os.geteuid()
    assert lease.uid == expected
    assert FIRST_UID + UIDS < 2**31


def elsewhere(folder: Path, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ELSEWHERE, folder], cwd=root, capture_output=True, text=True, timeout=60
    )


def test_another_process_does_not_get_a_number_that_is_taken(
    folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "UIDS", 1)
    lease = take_lease()
    assert "all 1 leases" in elsewhere(folder, root).stderr
    lease.release()
    assert elsewhere(folder, root).returncode == -signal.SIGKILL


def test_a_lease_of_a_dead_process_is_stale_and_is_not_given_out(
    folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "UIDS", 1)
    elsewhere(folder, root)
    with pytest.raises(SandboxUnavailable):
        take_lease()
    (stale,) = take_stale()
    assert stale.noted_groups() == [Path("/somewhere/a"), Path("/somewhere/b")]
    assert list(take_stale()) == []  # as it is ours now
    stale.abandon()
    (again,) = take_stale()
    again.release()
    assert list(folder.iterdir()) == []
    take_lease().release()


def test_a_lease_that_is_held_is_not_stale(lease: Lease) -> None:
    lease.note([])
    assert lease.number not in [stale.number for stale in take_stale()]


def test_an_unreadable_note_counts_as_nothing(lease: Lease) -> None:
    for text in (b"{{{{", b"[]", b"7", b'{"groups": 5}', b'{"groups": [5]}', b""):
        os.ftruncate(lease.descriptor, 0)
        os.pwrite(lease.descriptor, text, 0)
        assert lease.noted_groups() == []


def test_a_file_removed_between_opening_and_locking_is_nobodys(folder: Path) -> None:
    first = leases.lock(folder / "7", create=True)
    assert first is not None
    first.path.unlink()  # as `release` does, with the lock still held
    second = leases.lock(folder / "7", create=True)
    assert second is not None
    assert os.fstat(second.descriptor).st_ino == second.path.stat().st_ino
    first.abandon()
    assert leases.lock(folder / "7", create=True) is None
    second.release()


@pytest.mark.parametrize("fault", ["open to others", "a link"])
def test_a_folder_that_others_could_have_made_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() or 4321)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / f"agentkit-{os.geteuid()}"
    (tmp_path / "real").mkdir(mode=0o700)
    if fault == "a link":
        folder.symlink_to(tmp_path / "real")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    if os.getuid() == 0:
        os.chown(folder, os.geteuid(), -1, follow_symlinks=False)
        os.chown(tmp_path / "real", os.geteuid(), -1)
    with pytest.raises(SandboxUnavailable, match=f"agentkit-.*not this user's alone; remove it: rm -r {folder}"):
        state_folder()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() or 4321)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "file"))
    with pytest.raises(SandboxUnavailable, match="cannot be made"):
        state_folder()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process as somebody else: run the tests as root")
def test_all_processes_of_a_user_are_found_and_killed(lease: Lease) -> None:
    started = [subprocess.Popen(["sleep", "60"], user=lease.uid, group=lease.uid) for _ in range(2)]
    assert sorted(processes_of(lease.uid)) == sorted(process.pid for process in started)
    kill_all([*processes_of(lease.uid), 2**22 + 1])
    assert [process.wait() for process in started] == [-9, -9]
    assert processes_of(lease.uid) == []
