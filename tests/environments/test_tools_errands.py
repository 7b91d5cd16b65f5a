"""Errands and their grader.

Guarantees, for every task at several seeds: the reference passes; doing nothing, leaving out a change, changing
something else, another argument, another answer or another ending do not; the same seed gives the same errand.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator

import pytest

from environments.contracts import JSON, Action, EnvironmentFailure, StopReason, Task
from environments.tools.desk import TOOLS, Desk
from environments.tools.errands import LEVELS, READING, Instance, act, make_instance, reference, solve
from environments.tools.functions import Tool
from environments.tools.grade import differences, judge, same_answer
from environments.tools.suite import TEMPLATES, Tools, grade_actions, instance_of

TASKS = Tools().tasks()
SEEDS = (0, 1)
ALL = [(task, seed) for task in TASKS for seed in SEEDS]
CALM = [(task, seed) for task, seed in ALL if task.id.endswith("-1")]
"""Those in which no call fails, so that a call more does not meet the failure that waits for another."""


def is_writing(action: Action) -> bool:
    return action.name in TOOLS and not action.name.startswith(READING)


def passes(instance: Instance, actions: tuple[Action, ...]) -> bool:
    return grade_actions(instance, actions).success


def test_there_are_enough_errands_in_every_split() -> None:
    assert len(TASKS) == 90
    assert len({task.id for task in TASKS}) == 90
    assert Counter(template.split for template in TEMPLATES.values()) == {"training": 18, "validation": 5, "heldout": 7}
    by_template = {task.template: task.split for task in TASKS}
    assert all(by_template[task.template] == task.split for task in TASKS), "a template is in one split only"
    used = {action.name for task, seed in ALL for action in instance_of(task, seed).plan}
    assert len(used & TOOLS.keys()) >= 30


def test_the_reference_passes_and_doing_nothing_does_not() -> None:
    for task, seed in ALL:
        instance = instance_of(task, seed)
        actions = reference(instance)
        verdict = grade_actions(instance, actions)
        assert verdict.success, (task.id, seed, verdict.reasons)
        assert (verdict.value, verdict.source, verdict.reasons) == (1.0, "environment", "")
        assert not passes(instance, ()), (task.id, seed)
        assert not passes(instance, actions[:-1]), (task.id, seed, "without an ending")
        assert len(actions) <= task.max_steps // 2


def test_what_fails_on_the_way_does_not_change_what_is_expected() -> None:
    for task, seed in ALL:
        instance = instance_of(task, seed)
        calm = Desk(instance.state, failures={})
        for action in instance.plan[:-1]:
            calm.call(action.name, action.arguments)
        assert solve(instance)[1] == calm.state, (task.id, seed)


def test_an_empty_answer_alone_never_does_an_errand() -> None:
    for task, seed in ALL:
        assert not passes(instance_of(task, seed), (act("answer"),)), (task.id, seed)


def test_only_what_cannot_be_done_is_reported_and_not_always() -> None:
    ends = Counter((task.template, instance_of(task, seed).plan[-1].name) for task in TASKS for seed in range(5))
    for template in TEMPLATES:
        reported = ends[template, "report_infeasible"]
        if template in ("cancel-if-possible", "pay-if-covered"):
            assert 0 < reported < len(LEVELS) * 5
        else:
            assert reported == 0


def test_to_leave_out_a_change_fails() -> None:
    for task, seed in ALL:
        instance = instance_of(task, seed)
        actions = reference(instance)
        for left_out in {str(action): action for action in actions if is_writing(action)}.values():
            fewer = tuple(action for action in actions if action != left_out)
            if passes(instance, fewer):
                assert instance.plan[-1].name == "report_infeasible", (task.id, seed, str(left_out))


def test_another_argument_fails() -> None:
    for task, seed in CALM:
        instance = instance_of(task, seed)
        if instance.plan[-1].name == "report_infeasible":
            continue
        actions = reference(instance)
        for place, action in enumerate(actions):
            for bent in bent_actions(action) if is_writing(action) else ():
                other = (*actions[:place], bent, *actions[place + 1 :])
                assert not passes(instance, other), (task.id, seed, str(bent))


def bent_actions(action: Action) -> Iterator[Action]:
    """The action with one argument changed by a little, once for each."""
    for name, value in action.arguments.items():
        schema = TOOLS[action.name].parameters["properties"][name]
        yield Action(action.name, {**action.arguments, name: bent_value(value, schema)})


def bent_value(value: JSON, schema: dict[str, JSON]) -> JSON:
    if "enum" in schema:
        return next(choice for choice in schema["enum"] if choice != value)
    if isinstance(value, int):
        return value + 1
    return f"{value}x" if isinstance(value, str) else value[:-1]


def test_a_stray_change_fails() -> None:
    strays = (
        act("append_file", path="/notes/ideas.txt", content="x"),
        act("send_message", to="C-101", subject="x", body="y"),
        act("update_contact", contact_id="C-100", field="city", value="Nowhere"),
        act("write_file", path="/notes/stray.txt", content="x"),
        act("delete_file", path="/reports/summary.txt"),
    )
    for place, (task, seed) in enumerate(CALM * len(strays)):
        instance = instance_of(task, seed)
        stray = strays[place // len(CALM)]
        assert not passes(instance, (stray, *reference(instance))), (task.id, seed, str(stray))


def test_a_change_made_twice_fails_where_twice_is_not_once() -> None:
    twice = {
        "create_order",
        "create_event",
        "send_message",
        "bookmark_article",
        "refund_order",
        "transfer",
        "append_file",
    }
    seen = set()
    for task, seed in CALM:
        instance = instance_of(task, seed)
        again = next((action for action in instance.plan if action.name in twice), None)
        if again is None or task.template in ("cancel-and-refund", "pay-if-covered"):
            continue  # a second refund or payment is refused there, as nothing is left
        seen.add(again.name)
        assert not passes(instance, (*instance.plan[:-1], again, instance.plan[-1])), (task.id, seed, str(again))
    assert seen == twice


def test_another_answer_or_ending_fails() -> None:
    for task, seed in ALL:
        instance = instance_of(task, seed)
        *calls, end = reference(instance)
        other = "answer" if end.name == "report_infeasible" else "report_infeasible"
        assert not passes(instance, (*calls, Action(other, {"reason": "", "text": ""}))), (task.id, seed)
        if instance.accepts == "number":
            wrong = act("answer", text=str(float(end.arguments["text"]) + 1))
            assert not passes(instance, (*calls, wrong)), (task.id, seed)
        if instance.accepts == "text":
            assert not passes(instance, (*calls, act("answer", text=f"{end.arguments['text']}0"))), (task.id, seed)


def test_look_ups_may_be_left_out() -> None:
    for task, seed in CALM:
        instance = instance_of(task, seed)
        changes = tuple(action for action in instance.plan if is_writing(action))
        assert passes(instance, (*changes, instance.plan[-1])), (task.id, seed)


def test_changes_in_another_order_count_though_new_ids_differ() -> None:
    instance = instance_of(Task(id="tell-suppliers-1", suite="tools"), 0)
    first, *sends, end = instance.plan
    assert len(sends) > 1
    assert passes(instance, (first, *reversed(sends), end))


def test_an_errand_put_right_on_the_way_counts() -> None:
    instance = instance_of(Task(id="book-meeting-1", suite="tools"), 0)
    book = next(action for action in instance.plan if action.name == "create_event")
    wrong = Action("create_event", {**book.arguments, "title": "Wrong"})
    number = max(int(key[2:]) for key in instance.state["events"]) + 1
    actions = (wrong, act("cancel_event", event_id=f"E-{number}"), *instance.plan)
    assert passes(instance, actions)
    assert not passes(instance, (wrong, *instance.plan))


@pytest.mark.parametrize("level", LEVELS)
def test_levels_are_calm_failing_and_timing_out(level: int) -> None:
    kinds = set()
    for template in TEMPLATES:
        for seed in range(6):
            instance = instance_of(Task(id=f"{template}-{level}", suite="tools"), seed)
            kinds |= {failure for waiting in instance.failures.values() for failure in waiting}
            assert instance.failures.keys() <= {action.name for action in instance.plan[:-1]}
            assert bool(instance.failures) is (level > 1)
    assert kinds == {1: set(), 2: {"rate limit", "unavailable"}, 3: {"timeout", "late"}}[level]


def test_who_calls_again_after_a_late_call_does_it_twice() -> None:
    late = [
        (task, seed)
        for task in TASKS
        for seed in range(12)
        if instance_of(task, seed).failures.get("send_message") == ("late",)
    ]
    assert late
    for task, seed in late:
        instance = instance_of(task, seed)
        actions = reference(instance)
        place = next(n for n, action in enumerate(actions) if action.name == "send_message")
        assert not passes(instance, (*actions[: place + 1], *actions[place:])), (task.id, seed)


def test_equal_seeds_give_equal_errands_and_others_give_others() -> None:
    for task in TASKS[:: len(LEVELS)]:
        first = instance_of(task, 0)
        again = make_instance(TEMPLATES[task.template], level=1, seed=0)
        assert again == first
        assert again is not first
        assert instance_of(task, 1).state != first.state
    goals = {instance_of(task, seed).goal for task in TASKS for seed in range(4)}
    assert len(goals) > len(TASKS) * 4 * 0.6


def test_to_judge_changes_nothing() -> None:
    instance = instance_of(TASKS[0], 0)
    before = copy.deepcopy(instance)
    passes(instance, reference(instance))
    assert instance == before


def test_every_answer_stands_in_what_the_reference_reads() -> None:
    """An errand can be done from what the tools say: the ids of the plan are in goal, results or welcome."""
    for task, seed in ALL[:: len(SEEDS)]:
        instance = instance_of(task, seed)
        desk, known = instance.desk(), instance.goal + "C-100 team customers suppliers"
        for action in reference(instance)[:-1]:
            for word in ids_in(action.arguments):
                assert word in known or word.startswith(("C-113", "M-")), (task.id, str(action), word)
            known += desk.call(action.name, action.arguments).text


def ids_in(value: JSON) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from ids_in(one)
    elif isinstance(value, str) and len(value) > 2 and value[1] == "-" and value[0].isupper():
        yield value


@pytest.mark.parametrize("name", ["book-meeting", "book-meeting-4", "book-meating-1", "", "-1"])
def test_a_task_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(EnvironmentFailure, match="no task"):
        instance_of(Task(id=name, suite="tools"), 0)


@pytest.mark.parametrize(
    ("given", "wanted", "accepts", "same"),
    [
        ("12.50", "12.50", "number", True),
        ("12.5 EUR", "12.50", "number", True),
        ("The total is 1,234.50.", "1234.5", "number", True),
        ("-3", "3", "number", False),
        ("12.51", "12.50", "number", False),
        ("12.50 or 13", "12.50", "number", False),
        ("twelve", "12", "number", False),
        ("", "0", "number", False),
        ("1e3", "1000", "number", False),
        ("O-12", "12", "number", True),
        ("1.2.3", "1.2", "number", False),
        (" o-1024. ", "O-1024", "text", True),
        ("'09:15'", "09:15", "text", True),
        ("O-1024 or O-1025", "O-1024", "text", False),
        ("", "O-1024", "text", False),
        ("whatever", "x", "anything", True),
    ],
)
def test_answers_are_compared_by_kind(given: str, wanted: str, accepts: str, same: bool) -> None:
    assert same_answer(given, wanted, accepts=accepts) is same  # type: ignore[arg-type]


def test_differences_are_named_without_saying_what_was_expected() -> None:
    start = {"a": {"1": {"id": "1", "x": 1}, "2": {"id": "2", "x": 2}}, "files": {"/f": {"content": "old"}}}
    right = {"a": {"1": {"id": "1", "x": 9}, "3": {"id": "3", "x": 3}}, "files": {"/f": {"content": "old"}}}
    assert differences(start, right, expected=right) == []
    assert differences(start, start, expected=right) == [
        "a: 1 is not right",
        "a: 2 should be gone",
        "a: what was added is not right (0 added)",
    ]
    other = {"a": {"1": {"id": "1", "x": 9}, "7": {"id": "7", "x": 3}}, "files": {"/f": {"content": "old"}}}
    assert differences(start, other, expected=right) == [], "the id of what is new does not matter"
    assert differences(start, {**right, "files": {}}, expected=right) == ["files: /f is missing"]
    moved = {"a": right["a"], "files": {"/f": {"content": "old"}, "/g": {"content": "new"}}}
    elsewhere = {"a": right["a"], "files": {"/f": {"content": "old"}, "/h": {"content": "new"}}}
    assert differences(start, elsewhere, expected=moved) == ["files: what was added is not right (1 added)"], (
        "a path is no id"
    )


def test_reasons_are_few_and_say_how_it_ended() -> None:
    instance = instance_of(Task(id="tell-suppliers-1", suite="tools"), 0)
    empty = {table: {} for table in instance.state}
    verdict = judge(instance, empty, stop=StopReason.STEP_LIMIT, answer=None)
    assert verdict.value == 0.0
    assert verdict.reasons.startswith("to end as 'step_limit' is wrong; ")
    assert "; and " in verdict.reasons
    assert len(verdict.reasons) < 300
    assert judge(instance, solve(instance)[1], stop=None, answer=None).reasons == "the agent did not end it"


def test_tools_are_what_the_plans_call() -> None:
    for task, seed in ALL[:: len(SEEDS)]:
        for action in instance_of(task, seed).plan[:-1]:
            assert isinstance(TOOLS.get(action.name), Tool), (task.id, action.name)
