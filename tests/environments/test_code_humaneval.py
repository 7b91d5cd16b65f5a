"""Problems in HumanEval's format: every reference passes, every function that gives None or a constant fails."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from environments.code.suite import Code
from environments.contracts import Answer, Score
from tests.environments.coding import strongest_here
from tests.environments.humaneval_shapes import records

SHAPES = records()[:17]
WRONG = {
    "a number": "    return 0\n",
    "a list": "    return []\n",
    "a text": "    return ''\n",
    "True": "    return True\n",
    "nothing": "    pass\n",
    "the argument": "    return next(iter(locals().values()))\n",
}


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("shapes") / "shapes.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records()))
    return path


async def graded(file: Path, completions: dict[str, str]) -> dict[str, Score]:
    sandbox = strongest_here()
    suite = Code(tasks_file=file, sandbox=sandbox)
    try:
        async with suite.grading(parallel=2) as grade:

            async def one(id: str, text: str) -> tuple[str, Score]:
                return id, await grade(Answer(id, text))

            async with asyncio.TaskGroup() as group:
                going = [group.create_task(one(id, text)) for id, text in completions.items()]
    finally:
        await sandbox.close()
    return dict(task.result() for task in going)


def test_there_are_forty_problems_of_seventeen_shapes(file):
    assert len(Code(tasks_file=file).problems) == 40


async def test_every_reference_passes(file):
    started = time.monotonic()
    scores = await graded(file, {r["task_id"]: r["canonical_solution"] for r in records()})
    assert {id: score.reasons for id, score in scores.items() if not score.success} == {}
    assert len(scores) == 40
    # 328 answers, two to each of HumanEval's problems, are to take two minutes on two cores that are ours alone.
    assert time.monotonic() - started < 40 * 120 / 328 * 4


async def test_every_function_that_gives_none_fails(file):
    scores = await graded(file, {r["task_id"]: "    return None\n" for r in records()})
    assert [id for id, score in scores.items() if score.success] == []
    assert len(scores) == 40


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_function_that_gives_a_constant_fails_in_every_shape(file, wrong):
    scores = await graded(file, {r["task_id"]: WRONG[wrong] for r in SHAPES})
    assert [id for id, score in scores.items() if score.success] == []
    assert len(scores) == 17


async def test_a_reference_passes_as_a_whole_function_too(file):
    scores = await graded(file, {r["task_id"]: r["prompt"] + r["canonical_solution"] for r in SHAPES})
    assert {id: score.reasons for id, score in scores.items() if not score.success} == {}
