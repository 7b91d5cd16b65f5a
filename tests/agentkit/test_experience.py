"""What trajectories teach, and what they do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agentkit.strategies.experience import lessons, worked
from environments.contracts import Action, Score, StopReason
from environments.web.outline import Element, WebObservation
from memory.store import MemoryStore
from memory.trajectory import Attempt, Message, Note, Observed, RecalledItem, Step, Text, Trajectory

BUTTONS = (
    Element("button", "Yes", "1", "button", actions=frozenset({"click"})),
    Element("button", "Submit", "2", "button", actions=frozenset({"click"})),
)


def page(state: int) -> WebObservation:
    """The same buttons above a text that tells how far things have come."""
    return WebObservation("x", elements=(*BUTTONS, Element("text", f"{state} done")))


PAGE = page(0)


def step(index: int, ref: str, *, goal: str, terminated: bool = False, state: int = 0, recalled: str = "") -> Step:
    messages = (Message("user", (Text(goal, "goal"), Observed(page(state)))),)
    shown = (RecalledItem(recalled, 1, "tip", "text"),) if recalled else ()
    return Step(
        index=index,
        observation=page(state),
        messages=messages,
        completions=(),
        action=Action("click", {"ref": ref}),
        terminated=terminated,
        recalled=shown,
    )


def attempt(index: int, *refs: str, goal: str, notes: tuple[Note, ...] = (), recalled: str = "") -> Attempt:
    steps = [
        step(k, ref, goal=goal, terminated=k == len(refs) - 1, state=k, recalled=recalled) for k, ref in enumerate(refs)
    ]
    return Attempt(
        index=index, goal=goal, steps=tuple(steps), final=page(len(refs)), stop=StopReason.TERMINATED, notes=notes
    )


def trajectory(*attempts: Attempt, success: bool = True, seed: int = 0, split: str = "training") -> Trajectory:
    return Trajectory(
        id=f"miniwob/t/{seed}", task_id="t", family="miniwob/t", suite="miniwob", split=split, seed=seed,
        agent="reflexion", model="pilot", attempts=attempts,
        score=Score(value=float(success), success=success, source="environment"),
    )  # fmt: skip


GOAL = 'Click "Yes" and submit.'


def texts(t: Trajectory) -> list[str]:
    return [event.content.text for event in lessons(t) if event.name == "added"]


def test_a_success_teaches_each_effective_step_without_the_instances_own_words() -> None:
    first, second = texts(trajectory(attempt(0, "1", "2", goal=GOAL)))
    assert first == (
        'When the goal is like "Click "…" and submit.", it worked to click the button whose name the goal quotes '
        "as the first thing."
    )
    assert "Yes" not in first + second
    other = trajectory(attempt(0, "1", "2", goal='Click "Yes" and submit.'), seed=5)
    assert texts(other) == [first, second]


def test_detours_and_what_had_no_effect_are_not_taught() -> None:
    states = (0, 1, 2, 1, 1)  # the third step went back to where the second one started; the fourth changed nothing
    steps = tuple(step(k, "2", goal=GOAL, state=state, terminated=k == 4) for k, state in enumerate(states))
    detour = Attempt(index=0, goal=GOAL, steps=steps, final=page(3), stop=StopReason.TERMINATED)
    assert [kept.index for kept in worked(detour)] == [0, 4]


def test_a_failure_alone_teaches_nothing() -> None:
    assert texts(trajectory(attempt(0, "2", goal=GOAL), success=False)) == []


def test_a_retry_that_succeeded_says_which_ending_was_wrong() -> None:
    retried = trajectory(attempt(0, "1", goal=GOAL), attempt(1, "2", goal=GOAL))
    assert any("it was wrong to click the button whose name the goal quotes" in text for text in texts(retried))
    same_start = trajectory(attempt(0, "2", goal=GOAL), attempt(1, "2", "1", goal=GOAL))
    assert not any("it was wrong to" in text for text in texts(same_start)), (
        "the good attempt began with that very click"
    )


def test_a_reflection_becomes_a_tip_only_when_a_later_attempt_succeeded() -> None:
    note = Note(kind="reflection", text="Look twice before you submit.")
    failed = attempt(0, "2", goal=GOAL, notes=(note,))
    good = attempt(1, "1", goal=GOAL)
    assert "Look twice before you submit." in texts(trajectory(failed, good))
    assert texts(trajectory(failed, attempt(1, "2", goal=GOAL), success=False)) == []


def test_uses_are_counted_by_how_the_attempt_that_saw_them_went() -> None:
    shown = trajectory(attempt(0, "1", "2", goal=GOAL, recalled="abc"))
    names = [(event.name, event.item) for event in lessons(shown) if event.item == "abc"]
    assert names == [("recalled", "abc"), ("helped", "abc")]
    failed = replace(shown, score=Score(value=0.0, success=False, source="environment"))
    assert [event.name for event in lessons(failed)] == ["recalled", "hurt"]


async def test_learning_the_same_trajectories_twice_adds_nothing(tmp_path: Path) -> None:
    events = [event for seed in range(20) for event in lessons(trajectory(attempt(0, "1", "2", goal=GOAL), seed=seed))]
    async with MemoryStore.open(tmp_path) as store:
        first = await store.write(events)
        again = await store.write(events)
        assert (first.added, first.supported) == (2, 38)
        assert (again.added, again.supported, again.known) == (0, 0, 40)
        assert {item.support for item in store.items.values()} == {20}
