"""A repository as an agent works in it: looking, editing, taking back, running, handing in; and what it cannot see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from environments.check import check_environment
from environments.contracts import Action, Environment, EnvironmentFailure, Grader, StopReason, Task
from environments.repo.checkout import HISTORY, cut, lay
from environments.repo.suite import load
from environments.text import TextEpisode
from tests.environments.repairing import git, record_of, some_sandbox
from tests.sandbox.backends import open_sandbox

SHELF = "shelf/paging.py"
RIGHT = {"path": SHELF, "old": "return total // size + 1", "new": "return max(1, -(-total // size))"}


def task(name: str = "shelf") -> Task:
    return next(one for one in load().tasks() if one.id == f"agentkit__{name}-1")


@asynccontextmanager
async def suite_open() -> AsyncIterator[tuple[Environment, Grader]]:
    async with load(sandbox=some_sandbox(), test_s=10.0).open() as pair:
        yield pair


@asynccontextmanager
async def episode(name: str = "shelf") -> AsyncIterator[TextEpisode]:
    async with suite_open() as (env, _), env.start(task(name)) as opened:
        assert isinstance(opened, TextEpisode)
        yield opened


async def take(opened: Any, called: str, /, **arguments: Any) -> str:
    """What an action showed, or `error: ` and what was wrong."""
    result = await opened.step(Action(called, arguments))
    if result.error:
        assert not result.changed
        return f"error: {result.error}"
    return str(result.observation.sections[0][1])


async def changes(opened: TextEpisode) -> str:
    return dict((await opened.observe()).sections)["changed files"]


# ---- the whole way


async def test_a_repair_by_actions_is_a_success() -> None:
    async with suite_open() as (env, grader), env.start(task()) as opened:
        first = await opened.observe()
        assert "shelf/paging.py" in first.render()
        assert "total // size + 1" in await take(opened, "search", pattern=r"total //")
        assert "max(1" in await take(opened, "edit", **RIGHT)
        assert "OK" in await take(opened, "run_tests")
        assert not (await grader.verdict(opened)).reasons.startswith("nothing")
        result = await opened.step(Action("submit"))
        assert (result.stop, result.terminated) == (StopReason.ANSWERED, True)
        assert opened.answer is not None
        assert opened.answer.startswith("diff --git a/shelf/paging.py")
        score = await grader.verdict(opened)
        assert (score.success, score.value) == (True, 1.0), score.reasons


async def test_what_was_not_handed_in_is_graded_as_it_stands() -> None:
    async with suite_open() as (env, grader), env.start(task()) as opened:
        assert (await grader.verdict(opened)).reasons == "nothing was changed"
        await take(opened, "edit", **RIGHT)
        assert (await grader.verdict(opened)).success


async def test_the_environment_keeps_its_promises() -> None:
    async with suite_open() as (env, _):
        findings = await check_environment(env, task(), act=lambda seen: Action("edit", RIGHT))
    assert [str(finding) for finding in findings if not finding.ok] == []
    assert len(findings) > 20


@pytest.mark.parametrize("backend", ["process", "bubblewrap"])
async def test_equal_runs_look_equal_on_every_backend(backend: str) -> None:
    if backend != "process" and some_sandbox().name != backend:
        pytest.skip(f"{backend} does not run here")
    actions = [
        Action("view", {"path": SHELF}),
        Action("edit", RIGHT),
        Action("run_tests", {"names": "tests.test_paging"}),
        Action("run", {"command": "pwd; python3 -c 'print(object())'; git commit -qam mended; git log -1 --format=%H"}),
    ]
    seen = []
    sandbox = open_sandbox(backend)
    async with load(sandbox=sandbox).open() as (env, _):
        for _ in range(2):
            async with env.start(task()) as opened:
                shown = [(await opened.step(action)).observation.render() for action in actions]
                seen.append((shown, opened.fingerprints))
        async with env.replay(task(), actions, fingerprints=seen[0][1]) as again:
            assert (again.exact, again.mismatch) == (True, "")
    await sandbox.close()
    assert seen[0] == seen[1]
    assert "Ran 5 tests in … s" in seen[0][0][2]
    assert "/work\n<object object at 0x…>" in seen[0][0][3]


# ---- looking


async def test_files_are_shown_in_windows() -> None:
    async with episode() as opened:
        shown = await take(opened, "view", path="shelf/catalogue.py", start=4, end=6)
        assert shown.startswith("shelf/catalogue.py: lines 4 to 6 of ")
        assert "6 | @dataclass(frozen=True)" in shown
        assert "7 |" not in shown
        assert "has lines 1 to" in await take(opened, "view", path=SHELF, start=900)
        await take(opened, "run", command="seq 1 250 > long.txt; printf '' > empty.txt; printf '\\xff' > odd.bin")
        shown = await take(opened, "view", path="long.txt")
        assert shown.startswith("long.txt: lines 1 to 100 of 250\n  1 | 1\n")
        assert shown.endswith("100 | 100")
        assert (await take(opened, "view", path="long.txt", end=250)).splitlines()[1] == "151 | 151"
        assert await take(opened, "view", path="empty.txt") == "empty.txt: empty"
        assert "no text in UTF-8" in await take(opened, "view", path="odd.bin")


async def test_folders_are_shown_two_levels_deep() -> None:
    async with episode() as opened:
        await take(opened, "run", command="mkdir -p a/b/c/d; touch a/b/c/d/e a/f __pycache__")
        lines = (await take(opened, "view", path=".")).splitlines()
        assert {"a/", "a/b/", "a/f", "shelf/paging.py"} <= set(lines)
        assert not [line for line in lines if "a/b/c" in line or ".git" in line]
        assert (await take(opened, "view", path="a/b")).splitlines()[1:] == ["a/b/c/", "a/b/c/d/"]


async def test_a_path_that_is_not_there_is_told_with_one_that_is() -> None:
    async with episode() as opened:
        assert "did you mean shelf/paging.py?" in await take(opened, "view", path="paging.py")
        assert "did you mean shelf/paging.py?" in await take(opened, "edit", path="src/paging.py", old="a", new="b")
        assert "find_file and view" in await take(opened, "view", path="nothing.rb")
        assert (await take(opened, "view", path="../../etc/passwd")).startswith("error: view:")


async def test_search_and_find_file() -> None:
    async with episode() as opened:
        assert (await take(opened, "search", pattern="class Page")).splitlines() == [
            "2 lines match",
            "shelf/paging.py:4: class PageNotFound(LookupError):",
            "shelf/paging.py:8: class Page:",
        ]
        assert (await take(opened, "search", pattern="class Page", path="tests")).startswith("0 lines")
        assert "no regular expression" in await take(opened, "search", pattern="(")
        assert "there is no nowhere" in await take(opened, "search", pattern="a", path="nowhere")
        await take(opened, "run", command="seq 1 70 > many.txt; printf '\\0 12 \\n' > zero.bin")
        found = (await take(opened, "search", pattern=r"^\d+$", path="many.txt")).splitlines()
        assert found[0] == "70 lines match; the first 50:"
        assert found[-1] == "many.txt:50: 50"
        assert "zero.bin" not in await take(opened, "search", pattern=" 12 ")
        found = await take(opened, "find_file", name="test_*.py")
        assert found.splitlines() == ["2 files have such a name", "tests/test_catalogue.py", "tests/test_paging.py"]


async def test_a_pattern_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("environments.repo.world.LOOK_S", 1.0)
    async with episode() as opened:
        await take(opened, "run", command="python3 -c \"print('a' * 40 + 'b')\" > a.txt")
        assert "did not get done" in await take(opened, "search", pattern="(a+)+$", path="a.txt")


# ---- changing


async def test_an_edit_that_does_not_fit_says_where_it_would() -> None:
    async with episode() as opened:
        wrong = await take(opened, "edit", path=SHELF, old="self.number = page", new="")
        assert "nearest lines:" in wrong
        assert "13 |         self.number = number" in wrong
        wrong = await take(opened, "edit", path=SHELF, old="  self.number  =  number", new="x")
        assert "white space only" in wrong
        assert "times in shelf/paging.py, at lines" in await take(opened, "edit", path=SHELF, old="number", new="x")
        assert "old is empty" in await take(opened, "edit", path=SHELF, old="", new="x")
        assert "nothing would change" in await take(opened, "edit", path=SHELF, old="class Page:", new="class Page:")
        assert await changes(opened) == "none"


async def test_python_that_does_not_compile_is_refused_and_shown() -> None:
    async with episode() as opened:
        wrong = await take(opened, "edit", path=SHELF, old="return total // size + 1", new="return (total // size")
        assert "would not compile, so nothing was changed. SyntaxError" in wrong
        assert "50 |     return (total // size" in wrong
        assert "would not compile" in await take(opened, "create", path="new.py", text="def f(:\n")
        assert await changes(opened) == "none"
        assert "new.txt now reads" in await take(opened, "create", path="new.txt", text="def f(:\n")
        await take(opened, "run", command="echo 'def f(:' > broken.py; echo 'x = (' >> broken.py")
        assert "broken.py now reads" in await take(opened, "edit", path="broken.py", old="f(:", new="f():")


async def test_windows_line_ends_are_kept() -> None:
    async with episode() as opened:
        await take(opened, "run", command=r"printf 'a = 1\r\nb = 2\r\nc = 3\r\n' > dos.py")
        await take(opened, "edit", path="dos.py", old="a = 1\nb = 2", new="a = 1\nb = 5")
        assert "a = 1^M$\nb = 5^M$\nc = 3^M$" in await take(opened, "run", command="cat -A dos.py")


async def test_undo_takes_edits_back_one_by_one() -> None:
    async with episode() as opened:
        before = (await opened.observe()).state
        await take(opened, "edit", **RIGHT)
        await take(opened, "create", path="a/b.txt", text="one\n")
        await take(opened, "edit", path="a/b.txt", old="one", new="two")
        assert await changes(opened) == "A a/b.txt\nM shelf/paging.py"
        assert "what it was before" in await take(opened, "undo")
        assert "one" in await take(opened, "view", path="a/b.txt")
        assert "gone again" in await take(opened, "undo")
        assert await changes(opened) == "M shelf/paging.py"
        await take(opened, "undo")
        assert (await opened.observe()).state == before
        assert "no edit is left" in await take(opened, "undo")


async def test_undo_does_not_overwrite_what_a_command_wrote() -> None:
    async with episode() as opened:
        await take(opened, "edit", **RIGHT)
        await take(opened, "run", command=f"echo '# more' >> {SHELF}")
        assert "changed by a command since" in await take(opened, "undo")
        assert "# more" in await take(opened, "run", command=f"tail -1 {SHELF}")


async def test_create_does_not_overwrite() -> None:
    async with episode() as opened:
        assert "is there already" in await take(opened, "create", path=SHELF, text="x = 1\n")
        assert "is there already" in await take(opened, "create", path=f"./{SHELF}", text="x = 1\n")
        assert await changes(opened) == "none"
        assert (await take(opened, "create", path="../x", text="x")).startswith("error: create:")


# ---- running


async def test_output_is_cut_in_its_middle() -> None:
    async with episode() as opened:
        shown = await take(opened, "run", command="seq 1 9000; echo oops >&2; exit 3")
        assert shown.startswith("1\n2\n")
        assert "characters left out" in shown
        assert shown.endswith("8999\n9000\noops\nexit code 3")
        assert len(shown) < 11_000


async def test_a_command_that_hangs_is_stopped_and_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("environments.repo.world.COMMAND_S", 1.0)
    async with episode() as opened:
        shown = await take(opened, "run", command="echo first; sleep 60")
        assert shown.startswith("first\nstopped:")
        assert "exit code 0" in await take(opened, "run", command="true")


async def test_named_tests_are_run() -> None:
    async with episode() as opened:
        assert "Ran 4 tests" in await take(opened, "run_tests", names=["tests.test_catalogue"])
        assert "Ran 1 test " in await take(opened, "run_tests", names="tests.test_paging.TestPaging.test_links")


# ---- handing in


async def handed_in(opened: TextEpisode) -> str:
    assert not (await opened.step(Action("submit"))).error
    assert opened.answer is not None
    return opened.answer


async def test_binary_files_and_other_encodings_travel() -> None:
    async with episode() as opened:
        await take(opened, "run", command=r"printf '\0\377\1' > a.bin; printf 'caf\351\n' > latin.txt; rm README.md")
        patch = await handed_in(opened)
        assert "GIT binary patch" in patch
        record = record_of("shelf")
        checkout = await cut(record.source, record.base_commit)
        async with await some_sandbox().open() as fresh:
            await lay(fresh, checkout)
            result = await fresh.run(["git", "apply", "-"], stdin=patch)
            assert result.ok, result.stderr
            assert await fresh.read("a.bin") == b"\0\xff\1"
            assert await fresh.read("latin.txt") == b"caf\xe9\n"
            assert "README.md" not in [one.path for one in await fresh.list()]


async def test_a_huge_diff_is_refused_until_it_is_small() -> None:
    async with episode() as opened:
        await take(opened, "run", command="head -c 4000000 /dev/urandom > big.bin")
        assert "more than 2097152 bytes" in await take(opened, "submit")
        await take(opened, "run", command="rm big.bin; echo small > small.txt")
        assert "small.txt" in await handed_in(opened)


@pytest.mark.parametrize(
    "vandalism",
    [
        "rm -rf .git",
        "echo x > .git/HEAD; rm .git/agentkit.index",
        "rm .git/objects/pack/*",
        "git checkout -q --orphan x",
    ],
)
async def test_a_broken_git_folder_does_not_lose_the_work(vandalism: str) -> None:
    async with suite_open() as (env, grader), env.start(task()) as opened:
        await take(opened, "edit", **RIGHT)
        await take(opened, "run", command=vandalism)
        assert await take(opened, "run", command="true")
        assert dict((await opened.observe()).sections)["changed files"] == "M shelf/paging.py"
        assert (await grader.verdict(opened)).success


async def test_hooks_and_filters_of_the_agent_do_not_run_for_the_diff() -> None:
    async with episode() as opened:
        hook = "mkdir -p .git/hooks; printf '#!/bin/sh\\ntouch hooked\\n' > .git/hooks/post-index-change"
        await take(opened, "run", command=f"{hook}; chmod +x .git/hooks/*; git config diff.external 'touch external'")
        await take(opened, "edit", **RIGHT)
        patch = await handed_in(opened)
        assert patch.startswith("diff --git a/shelf/paging.py")
        assert patch.count("diff --git") == 1


# ---- copies


async def test_a_fork_goes_its_own_way() -> None:
    async with episode() as opened:
        await take(opened, "edit", **RIGHT)
        async with opened.fork() as copy:
            assert (copy.exact, copy.fingerprints[-1]) == (True, opened.fingerprints[-1])
            assert await copy.observe() == await opened.observe()
            await take(copy, "undo")
            assert await changes(copy) == "none"
            await take(opened, "run", command="touch mine")
            await take(copy, "run", command="touch theirs")
            assert await changes(copy) == "A theirs"
        assert await changes(opened) == "A mine\nM shelf/paging.py"


async def test_a_fork_of_ten_megabytes_is_equal() -> None:
    async with episode() as opened:
        await take(opened, "run", command="for i in $(seq 100); do head -c 100000 /dev/urandom > $i.bin; done")
        async with opened.fork() as copy:
            assert await take(copy, "run", command="git add -A; git write-tree") == await take(
                opened, "run", command="git add -A; git write-tree"
            )
            assert (copy.exact, copy.mismatch) == (True, "")


# ---- what the agent cannot see


async def test_the_future_is_not_in_the_sandbox() -> None:
    record = record_of("shelf")
    past = git(record.source.parent, "ls-remote", str(record.source)).decode().split()[0]
    assert past != record.base_commit, "the bundle itself holds the fix"
    async with episode() as opened:
        await take(opened, "run", command="git fetch --all; git log --all --oneline")
        objects = await take(opened, "run", command="git cat-file --batch-all-objects --batch-check='%(objectname)'")
        assert record.base_commit in objects
        assert past not in objects
        texts = await take(
            opened,
            "run",
            command="git cat-file --batch-all-objects --batch --unordered | strings; cat .git/config .git/HEAD; env",
        )
        assert "core" in texts
        found = await take(
            opened,
            "run",
            command="git cat-file --batch-all-objects --batch | grep -ac 'max(1, -(-total\\|test_pages_of_one'",
        )
        assert found.splitlines()[0] == "0"
        assert str(record.source) not in texts


async def test_other_branches_tags_and_the_distant_past_are_left_out(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.mkdir()
    copy.mkdir()
    git(source, "init", "--quiet", "--initial-branch=main")
    for number in range(HISTORY + 3):
        git(source, "commit", "--quiet", "--allow-empty", "-m", f"commit {number}")
    base = git(source, "rev-parse", "HEAD").decode().strip()
    git(source, "checkout", "--quiet", "-b", "fix")
    git(source, "commit", "--quiet", "--allow-empty", "-m", "the fix")
    git(source, "tag", "-a", "-m", "released", "v2")
    checkout = await cut(source, base[:12])
    assert checkout.commit == base
    for path, data in checkout.files.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(data)
    subjects = git(copy, "log", "--all", "--format=%s").decode().splitlines()
    assert (len(subjects), subjects[0]) == (HISTORY, f"commit {HISTORY + 2}")
    kinds = git(copy, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)").decode().split()
    assert (kinds.count("commit"), kinds.count("tag")) == (HISTORY, 0)
    assert str(tmp_path).encode() not in b"".join(checkout.files.values())
    assert "fix" in git(source, "branch", "--show-current").decode()


def test_a_task_holds_nothing_of_the_verdict() -> None:
    for one in load().tasks():
        record = load().records[one.id]
        words = repr(one)
        assert all(test.rpartition(".")[2] not in words for test in record.fail_to_pass)
        assert set(one.data) == {"base_commit", "runner"}


async def test_a_commit_that_is_not_there() -> None:
    with pytest.raises(EnvironmentFailure, match="is it a repository with that commit"):
        await cut(record_of("shelf").source, "0123456789" * 4)


async def test_a_file_that_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "not.bundle").write_text("no bundle")
    with pytest.raises(EnvironmentFailure, match="git clone"):
        await cut(tmp_path / "not.bundle", "0" * 40)
