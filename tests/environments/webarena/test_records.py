"""Records, answers and sites: what loads, what is refused, and the published file where it is there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from environments.contracts import Answer
from environments.suites import load_suite
from environments.webarena.order import Turns
from environments.webarena.records import RecordRefused, parse_record, read_records
from environments.webarena.sites import Sites
from environments.webarena.suite import WebArena
from sandbox import AgentkitError

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data" / "webarena" / "test.raw.json"


def record(**changes: Any) -> dict[str, Any]:
    evaluation = {
        "eval_types": ["string_match"], "reference_answers": {"exact_match": "42"}, "reference_url": "",
        "program_html": [],
    }  # fmt: skip
    return {
        "task_id": 7, "sites": ["shopping"], "start_url": "__SHOPPING__ |AND| __SHOPPING__/x", "intent": "How many?",
        "eval": evaluation, "storage_state": None, "intent_template_id": 3,
    } | changes  # fmt: skip


def test_a_record_is_read() -> None:
    read = parse_record(record())
    assert (read.task_id, read.template, read.format) == ("7", "3", "webarena")
    assert read.start_urls == ("__SHOPPING__", "__SHOPPING__/x")
    assert not read.writes


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sites": ["mars"]}, "'mars'"),
        ({"eval": {"eval_types": ["guess"]}}, "'guess'"),
        ({"eval": "x"}, "eval_types"),
        ({"split": "test"}, "expected one of training"),
    ],
)
def test_a_wrong_record_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RecordRefused, match=words):
        parse_record(record(**changes))


def test_addresses_are_filled_in() -> None:
    sites = Sites.from_environment(
        {"SHOPPING": "http://a.test:1/", "WA_REDDIT": "http://b.test", "REDDIT": "http://c.test"}
    )
    assert sites.filled("__SHOPPING__/x __REDDIT__") == "http://a.test:1/x http://b.test"
    with pytest.raises(AgentkitError, match="export SHOPPING_ADMIN"):
        sites.filled("__SHOPPING_ADMIN__")


async def test_a_writer_has_its_sites_alone() -> None:
    turns, log = Turns(), list[str]()

    async def visit(name: str, *sites: str, writes: bool) -> None:
        async with turns.take(sites, writes=writes):
            log.append(f"{name} in")
            await asyncio.sleep(0.02)
            log.append(f"{name} out")

    async with asyncio.TaskGroup() as group:
        for name, writes in (("r1", False), ("r2", False), ("w", True), ("r3", False)):
            group.create_task(visit(name, "shopping", writes=writes))
    assert log[:2] == ["r1 in", "r2 in"]
    assert log[4:] == ["w in", "w out", "r3 in", "r3 out"]


async def test_recorded_answers_are_graded(tmp_path: Path) -> None:
    tasks, answers = tmp_path / "tasks.json", tmp_path / "answers.jsonl"
    tasks.write_text(json.dumps([record()]))
    answers.write_text("".join(json.dumps({"task_id": 7, "answer": answer}) + "\n" for answer in ("42", "41")))
    suite = load_suite("webarena", tasks_file=tasks)
    assert isinstance(suite, WebArena)
    async with suite.grading() as grade:
        scores = [await grade(answer) for answer in suite.read_answers(answers)]
    assert [score.success for score in scores] == [True, False]


@pytest.mark.skipif(not PUBLISHED.exists(), reason="WebArena's published file is not at ../shared/data/webarena")
async def test_all_published_records_load_and_each_is_graded() -> None:
    records = read_records(PUBLISHED)
    assert len(records) == 812
    suite = WebArena(tasks_file=PUBLISHED, sites=Sites())
    assert [task.id for task in suite.tasks()] == [str(number) for number in range(812)]
    answers = [
        {"task_id": one.task_id, "answer": "nothing of the kind", "url": "http://nowhere.test"} for one in records
    ]
    async with suite.grading() as grade:
        scores = [await grade(Answer(answer["task_id"], answer)) for answer in answers]
    assert not any(score.success for score in scores)
    kinds = {score.reasons.split(":")[0] for score in scores}
    assert {"string_match", "url_match"} <= kinds
