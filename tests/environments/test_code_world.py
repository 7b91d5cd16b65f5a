"""A programming problem as an agent works on it: what it sees and does, forks, verdicts, and what stays hidden."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from environments.check import check_environment
from environments.code.suite import Code, CodeGrader, load
from environments.code.world import CodeWorld
from environments.contracts import Action, Environment, StopReason
from environments.suites import load_suite
from environments.text import TextEpisode
from sandbox import AgentkitError
from tests.environments.coding import strongest_here

RIGHT = """def longest_run(values):
    import itertools
    return max((len(list(run)) for _, run in itertools.groupby(values)), default=0)
"""


@asynccontextmanager
async def opened(**options: object) -> AsyncIterator[tuple[Code, Environment, CodeGrader]]:
    sandbox = strongest_here()
    suite = load(sandbox=sandbox, **options)  # type: ignore[arg-type]
    try:
        async with suite.open() as (env, grader):
            assert isinstance(grader, CodeGrader)
            yield suite, env, grader
    finally:
        await sandbox.close()


@asynccontextmanager
async def episode_of(name: str = "longest-run") -> AsyncIterator[tuple[TextEpisode, CodeGrader]]:
    async with opened() as (suite, env, grader):
        task = next(task for task in suite.tasks() if task.id == name)
        async with env.start(task) as episode:
            assert isinstance(episode, TextEpisode)
            yield episode, grader


def write(text: str, path: str = "solution.py") -> Action:
    return Action("write", {"path": path, "text": text})


def run(command: str) -> Action:
    return Action("run", {"command": command})


def python(source: str) -> Action:
    return Action("run", {"python": source})


async def shown(episode: TextEpisode, action: Action) -> str:
    """The text of the section `result` after an action, which has to be carried out."""
    done = await episode.step(action)
    assert done.error == ""
    return dict(done.observation.sections)["result"]  # type: ignore[attr-defined]


async def test_the_environment_keeps_the_contract():
    async with opened() as (suite, env, _):
        findings = await check_environment(env, suite.tasks()[0], act=lambda seen: write("x = 1\n", "notes.py"))
    assert [str(finding) for finding in findings if not finding.ok] == []
    assert len(findings) > 20


async def test_a_problem_is_solved_by_writing_trying_and_submitting():
    async with episode_of() as (episode, grader):
        assert "longest stretch of equal neighbours" in episode.goal
        first = await episode.observe()
        assert first.sections == (("result", "nothing has been run yet"), ("files", "solution.py (183 bytes)"))
        failed = await shown(episode, Action("run_tests"))
        assert failed.startswith("0 of 1 examples passed\n\nexample 1: failed: AssertionError")
        assert "assert longest_run([3, 3, 1, 1, 1, 2]) == 3" in failed
        assert await shown(episode, write(RIGHT)) == "solution.py: 3 lines written"
        assert await shown(episode, Action("run_tests")) == "1 of 1 examples passed\n\nexample 1: passed"
        assert not (await grader.verdict(episode)).success or episode.answer is None
        done = await episode.step(Action("submit"))
        assert (done.stop, done.terminated, episode.answer) == (StopReason.ANSWERED, True, RIGHT)
        score = await grader.verdict(episode)
        assert (score.value, score.success, score.source) == (1.0, True, "execution")
        assert grader.limit_s >= 60


async def test_a_wrong_solution_gets_the_share_of_its_tests():
    async with episode_of() as (episode, grader):
        await episode.step(write("def longest_run(values): return 1"))
        await episode.step(Action("submit"))
        score = await grader.verdict(episode)
        assert not score.success
        assert 0 < score.value < 1
        assert score.reasons == "2 of 7 tests passed"


async def test_what_stands_at_the_end_counts_where_nothing_was_submitted():
    async with episode_of() as (episode, grader):
        await episode.step(write(RIGHT))
        assert (await grader.verdict(episode)).success
        await episode.step(run("rm solution.py"))
        score = await grader.verdict(episode)
        assert (score.value, score.success) == (0.0, False)
        assert "solution.py" in score.reasons
        refused = await episode.step(Action("submit"))
        assert "solution.py" in refused.error
        assert refused.stop is None


async def test_changes_after_the_submission_do_not_count():
    async with episode_of() as (episode, grader):
        await episode.step(write("import os\nwrong = 1\n"))
        await episode.step(Action("submit"))
        over = await episode.step(write(RIGHT))
        assert "over" in over.error
        assert not (await grader.verdict(episode)).success


async def test_commands_and_snippets_show_what_they_print_and_how_they_end():
    async with episode_of() as (episode, _):
        assert await shown(episode, run("echo out; echo err >&2; exit 3")) == "exit code 3\nout\nstderr:\nerr"
        assert await shown(episode, python("x = 20\nprint('hi')\nx + 1")) == "hi\n21"
        assert await shown(episode, python("x *= 2")) == "done; nothing was printed, and the last line has no value"
        assert await shown(episode, python("x")) == "40"
        assert "ZeroDivisionError" in await shown(episode, python("1 / 0"))
        assert await shown(episode, write("def twice(n): return 2 * n", "lib/own.py")) == "lib/own.py: 1 lines written"
        assert await shown(episode, python("from lib.own import twice\ntwice(4)")) == "8"
        assert "characters left out" in await shown(episode, run("yes | head -c 30000"))


async def test_what_is_shown_says_neither_addresses_nor_places():
    async with episode_of() as (episode, _):
        assert await shown(episode, python("object()")) == "<object object at 0x…>"
        assert await shown(episode, python("import tempfile\ntempfile.mkdtemp()")) == "'/tmp/tmp…'"
        text = await shown(episode, run("pwd; echo $PWD/solution.py"))
        assert text == "exit code 0\n.\nsolution.py"


async def test_the_same_actions_give_the_same_fingerprints():
    actions = [write(RIGHT), run("python3 -c 'import solution; print({1: object()})'"), python("import solution"),
               Action("run_tests"), python("solution.longest_run([1, 1])"), run("ls -a"), Action("submit")]  # fmt: skip
    runs = []
    for _ in range(2):
        async with episode_of() as (episode, _):
            for action in actions:
                assert (await episode.step(action)).error == ""
            runs.append(episode.fingerprints)
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == len(actions) + 1


async def test_a_change_that_is_not_shown_changes_the_fingerprint():
    async with episode_of() as (episode, _):
        await episode.step(run("true"))
        before = episode.fingerprints[-1]
        changed = await episode.step(run("sed -i s/longest_run/longest_ruN/ solution.py"))
        assert changed.changed
        assert changed.observation.sections == (await episode.observe()).sections  # type: ignore[attr-defined]
        assert episode.fingerprints[-1] != before


async def test_a_fork_has_files_and_interpreter_and_a_life_of_its_own():
    async with episode_of() as (episode, grader):
        await episode.step(python("x = [1]"))
        await episode.step(write("wrong", "solution.py"))
        async with episode.fork() as copy:
            assert copy.exact
            assert await shown(copy, python("x.append(2)\nx")) == "[1, 2]"
            await copy.step(write(RIGHT))
            await copy.step(Action("submit"))
            assert (await grader.verdict(copy)).success
        assert await shown(episode, python("x")) == "[1]"
        assert await shown(episode, run("cat solution.py")) == "exit code 0\nwrong"
        assert not (await grader.verdict(episode)).success


async def test_wrong_actions_are_told():
    async with episode_of() as (episode, _):
        for action, word in [
            (Action("run"), "either a command, for bash, or python"),
            (Action("run", {"command": "ls", "python": "1"}), "either a command, for bash, or python"),
            (write("x", "../outside.py"), "write: "),
            (Action("write", {"path": "a"}), "lacks 'text'"),
            (Action("runtests"), "run_tests"),
        ]:
            done = await episode.step(action)
            assert word in done.error
            assert not done.changed


async def test_arguments_that_are_no_proper_text_do_no_harm():
    async with episode_of() as (episode, _):
        paths = [write("a\ud800b", "odd.txt"), write("x", "\ud800"), write("x", "a\0b"), write("", "a" * 5000)]
        commands = [run("echo \0"), run("echo \ud800"), run("x" * 300_000)]
        for action in [*paths, *commands, *map(python, ["'\ud800'", "'\0'", "'a\nb"])]:
            await episode.step(action)
        assert await shown(episode, run("echo still here")) == "exit code 0\nstill here"
        json.dumps((await episode.observe()).to_json())


async def test_a_session_that_hangs_is_stopped_and_says_so(monkeypatch):
    import dataclasses

    from environments.code import suite

    monkeypatch.setattr(suite, "LIMITS", dataclasses.replace(suite.LIMITS, wall_s=1.0))
    async with episode_of() as (episode, _):
        assert "1 s of wall-clock time" in await shown(episode, run("echo before; sleep 60"))
        text = await shown(episode, python("while True: pass"))
        assert "1 s of wall-clock time" in text


async def test_an_interpreter_that_was_ended_is_followed_by_one_like_it():
    async with episode_of() as (episode, _):
        await episode.step(write("number = 4", "own.py"))
        assert await shown(episode, python("from own import number\nnumber")) == "4"
        assert "variables are lost" in await shown(episode, python("import os\nos._exit(0)"))
        assert "NameError" in await shown(episode, python("number"))
        assert await shown(episode, python("import own, sys\nown.number, sys.dont_write_bytecode")) == "(4, True)"
        assert "__pycache__" not in dict((await episode.observe()).sections)["files"]


async def test_an_example_of_a_program_is_shown_with_input_and_output(tmp_path):
    record = {
        "question": "Double.",
        "problem_id": 1,
        "input_output": json.dumps({"inputs": ["1\n", "77\n"], "outputs": ["2\n", "154\n"]}),
    }
    file = tmp_path / "apps.jsonl"
    file.write_text(json.dumps(record))
    async with opened(tasks_file=file) as (suite, env, grader), env.start(suite.tasks()[0]) as episode:
        assert isinstance(episode, TextEpisode)
        assert dict((await episode.observe()).sections)["files"] == "none"
        await episode.step(write("print(3)"))
        text = await shown(episode, Action("run_tests"))
        assert "input:\n1\nexpected output:\n2" in text
        assert "77" not in text
        await episode.step(write("print(2 * int(input()))"))
        assert (await grader.verdict(episode)).success


async def test_a_problem_without_examples_says_so(tmp_path):
    record = {"task_id": "a", "prompt": "def f(): pass\n", "entry_point": "f", "canonical_solution": "", "test": "pass"}
    file = tmp_path / "humaneval.jsonl"
    file.write_text(json.dumps(record))
    async with opened(tasks_file=file) as (suite, env, _), env.start(suite.tasks()[0]) as episode:
        assert "no examples" in (await episode.step(Action("run_tests"))).error


async def test_the_hidden_tests_are_not_where_the_agent_is():
    hidden = "values = [rng.randint(0, 1) for _ in range(size)]"
    async with episode_of() as (episode, grader):
        assert hidden in repr(grader.problems["longest-run"].tests)
        await episode.step(Action("run_tests"))
        look = "grep -rlsF 'rng.randint(0, 1)' /work /tmp /run /home /etc /packages /var . | wc -l; echo done"
        assert await shown(episode, run(look)) == "exit code 0\n0\ndone"
        assert hidden not in repr(vars(episode.world))
        assert hidden not in repr(episode.task)
        assert isinstance(episode.world, CodeWorld)
        assert all(hidden not in repr(value) for value in vars(episode.world._examiner).values())
        assert hidden not in repr(grader)


async def test_an_episode_of_something_else_is_no_case_for_this_grader():
    async with opened() as (_, _, grader):
        with pytest.raises(TypeError, match="expected an episode of the suite `code`"):
            await grader.verdict(object())  # type: ignore[arg-type]


def test_the_suite_is_found_by_name_with_its_own_options(tmp_path: Path):
    assert len(load_suite("code").tasks()) >= 12
    with pytest.raises(AgentkitError, match="no option 'colour'; it has screenshots, tasks_file"):
        load_suite("code", colour="red")
    with pytest.raises(AgentkitError, match=r"absent.jsonl cannot be read"):
        load_suite("code", tasks_file=tmp_path / "absent.jsonl").tasks()
