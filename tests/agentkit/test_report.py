"""Reports over runs: their figures, what they say about them, and their three forms."""

import io
import json

import pytest
from rich.console import Console

from agentkit.evaluate import compare, wilson
from agentkit.report import (
    as_json,
    as_markdown,
    as_rich,
    p_value,
    print_report,
    report,
    report_on,
    report_runs,
    verdict,
)
from environments.contracts import Score, StopReason, Task
from memory.log import StudyLog
from memory.study import Summary
from memory.trajectory import Usage


def run(task, seed, success, *, stop=StopReason.TERMINATED, cost=0.01, suite="s", **fields):
    fields = {"attempts": 2, "steps": 5, "wall_s": 1.5, **fields}
    return Summary(
        id=f"{suite}/{task}/{seed}", task_id=task, family=f"s/{task}", suite=suite, split="heldout", seed=seed,
        agent="react", model="m", stop=stop,
        score=Score(value=float(success), success=success, source="environment"),
        usage=Usage(prompt_tokens=1000, completion_tokens=20, cost_usd=cost), **fields,
    )  # fmt: skip


BEFORE = [
    run("a", 0, True),
    run("a", 1, False, stop=StopReason.STEP_LIMIT),
    run("b|c", 0, False, stop=StopReason.MODEL_ERROR, cost=None),
    run("b|c", 1, False, stop=StopReason.ENVIRONMENT_ERROR),
]
AFTER = [run("a", 0, True), run("a", 1, True), run("b|c", 0, True), run("b|c", 1, False), run("d", 0, True)]


def printed(made, *, width=120):
    out = io.StringIO()
    Console(file=out, width=width).print(as_rich(made, width=width))
    return out.getvalue()


def test_the_table_has_each_task_and_the_sum():
    text = printed(report_on({"before": BEFORE}))
    rows = {line.split()[0]: " ".join(line.split()) for line in text.splitlines() if line.strip()}
    assert rows["a"] == "a 1/2 50% (9–91) 2.0 5.0 1.5 2,040 $0.0200 1 terminated, 1 step_limit"
    assert rows["b|c"].startswith("b|c 0/2 0% (0–66) 2.0 5.0 1.5 2,040 ≥ $0.0100 ")
    assert rows["all"] == "all tasks 1/4 25% (5–70) 2.0 5.0 1.5 4,080 ≥ $0.0300"
    assert "before: s by react with m" in text


def test_what_the_infrastructure_ended_is_told_and_counted():
    text = printed(report_on({"before": BEFORE}))
    assert (
        "2 were ended by the infrastructure (environment_error, interrupted, model_error) and count as failures" in text
    )
    assert "ended by: 1 terminated, 1 step_limit, 1 model_error, 1 environment_error" in text
    assert "1 of 4 have no known price, which is not zero" in text


def test_what_the_infrastructure_ended_can_be_left_out_and_is_told():
    made = report_on({"before": BEFORE}, infrastructure=False)
    assert (made.runs[0].overall.successes, made.runs[0].overall.trials, made.runs[0].left_out) == (1, 2, 2)
    assert "2 were ended by the infrastructure" in printed(made)
    assert "are left out, as was asked for" in printed(made)


def test_a_clean_run_has_no_remark_about_trouble():
    text = printed(report_on({"after": [run("a", 0, True)]}))
    for word in ("infrastructure", "unfinished", "no known price", "uses_gold"):
        assert word not in text


def test_a_narrow_terminal_keeps_every_figure():
    text = printed(report_on({"before": BEFORE}), width=80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "50% (9–91)" in text
    assert "…" not in text
    assert "1 terminated, 1 step_limit, 1 model_error, 1 environment_error" in text.replace("\n", " ")


def test_two_runs_that_share_items_are_compared():
    made = report_on({"before": BEFORE, "after": AFTER, "other": [run("z", 0, True)]}, seed=3)
    assert [(first, second) for first, second, _ in made.comparisons] == [("before", "after")]
    told = made.comparisons[0][2]
    assert told == compare(BEFORE, AFTER, seed=3)
    text = verdict(("before", "after", told))
    assert "on 4 shared items of 2 tasks: 25.0% to 75.0%, a difference of +50.0 points" in text
    assert "after alone solved 2, before alone 0" in text
    assert "Items in one run only, left out: 1." in text
    assert text in printed(made, width=10_000)


@pytest.mark.parametrize(("p", "told"), [(0.5, "0.500"), (0.00123, "0.001"), (0.00012, "0.0001"), (3e-7, "3e-07")])
def test_p_values_are_not_rounded_to_zero(p, told):
    assert p_value(p) == told


def test_markdown_is_a_table_that_names_cannot_break():
    text = as_markdown(report_on({"before <x>": BEFORE}))
    assert "### before &lt;x>: s by react with m" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {10}
    assert table[3].startswith("| b\\|c | 0/2 | 0% (0–66) |")
    assert table[-1].startswith("| **all tasks** | **1/4** |")


def test_json_has_the_figures_unrounded():
    told = json.loads(json.dumps(as_json(report_on({"before": BEFORE, "after": AFTER}))))
    overall = told["runs"][0]["overall"]
    assert overall["interval"] == pytest.approx(wilson(1, 4))
    assert overall["usage"]["cost_usd"] is None
    assert overall["known_usd"] == pytest.approx(0.03)
    assert [task["name"] for task in told["runs"][0]["tasks"]] == ["s/a", "s/b|c"]
    assert told["comparisons"][0]["difference"] == 0.5


def test_tasks_of_several_suites_keep_their_suite():
    text = printed(report_on({"both": [run("a", 0, True), run("a", 0, False, suite="t")]}))
    assert "s/a " in text
    assert "t/a " in text


def study(path, *, finished=True):
    with StudyLog.open(path, config={}, seed=0, versions={}, created="2026-01-02") as log:
        for seed in range(3):
            recorder = log.recorder(f"s/t/{seed}")
            recorder.begin(Task(id="t", suite="s"), seed=seed, agent="react", model="pilot")
            recorder.attempt(0, goal="g")
            if seed == 2 and not finished:
                break
            stop = StopReason.TERMINATED if finished or seed else StopReason.INTERRUPTED
            recorder.attempt_end(stop=stop)
            score = Score(value=1.0, success=True, source="environment")
            recorder.end(score=score, usage=Usage(cost_usd=0.0), wall_s=1.0)


def test_runs_are_read_from_their_folders(tmp_path):
    study(tmp_path / "one" / "x", finished=False)
    study(tmp_path / "two" / "x")
    made = report_runs([tmp_path / "one" / "x", tmp_path / "two" / "x"])
    first, second = made.runs
    assert (first.name, second.name) == (str(tmp_path / "one" / "x"), str(tmp_path / "two" / "x"))
    assert (first.overall.trials, first.unfinished, first.overall.stops["interrupted"]) == (2, 1, 1)
    assert (second.overall.trials, second.unfinished) == (3, 0)
    assert made.comparisons[0][2].items == 2


def test_the_report_is_printed_in_the_form_asked_for(tmp_path):
    study(tmp_path / "x")
    texts = {}
    for form, options in {"table": {}, "json": {"as_json": True}, "markdown": {"as_markdown": True}}.items():
        out = io.StringIO()
        made = report([tmp_path / "x"], console=Console(file=out, width=100), **options)
        texts[form] = out.getvalue()
        again = io.StringIO()
        print_report(made, form=form, console=Console(file=again, width=100))
        assert again.getvalue() == texts[form]
    assert json.loads(texts["json"])["runs"][0]["overall"]["trials"] == 3
    assert texts["markdown"].startswith("### x: s by react with pilot\n")
    assert "3/3" in texts["table"]
    assert "###" not in texts["table"]
