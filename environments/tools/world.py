"""The world of an errand: a desk, and what came of the last call."""

from __future__ import annotations

from environments.contracts import Action, StopReason, ToolSpec
from environments.text import Done, TextObservation
from environments.tools.desk import Desk, Outcome

__all__ = ["BRIEFING", "ENDINGS", "ToolWorld", "ending", "error_of", "seen"]

LONGEST_ERROR = 300
"""Characters of an error that `StepResult.error` repeats; the observation has all of it."""

ENDINGS = (
    ToolSpec(
        "answer",
        "Give the answer, or with an empty text say that the task is done. This ends the task.",
        {
            "type": "object",
            "properties": {"text": {"type": "string", "description": "The answer.", "default": ""}},
            "required": [],
            "additionalProperties": False,
        },
    ),
    ToolSpec(
        "report_infeasible",
        "Say that the task cannot be done, and why. This ends the task.",
        {
            "type": "object",
            "properties": {"reason": {"type": "string", "description": "Why it cannot be done."}},
            "required": ["reason"],
            "additionalProperties": False,
        },
    ),
)
"""The two tools that end an episode."""


def ending(action: Action) -> Done | None:
    """What an action comes to that ends the episode; None for any other."""
    if action.name == "answer":
        return Done(stop=StopReason.ANSWERED, answer=str(action.arguments.get("text", "")))
    if action.name == "report_infeasible":
        return Done(stop=StopReason.INFEASIBLE, answer=str(action.arguments["reason"]))
    return None


def seen(action: Action, outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """The sections of an observation after a call. What came of it is the title, so the kinds differ at sight."""
    return (("Call", str(action)), (outcome.kind.capitalize(), outcome.text))


def error_of(outcome: Outcome) -> str:
    """`StepResult.error` of an outcome; empty for a result."""
    if outcome.kind == "result":
        return ""
    words = outcome.text if len(outcome.text) <= LONGEST_ERROR else f"{outcome.text[:LONGEST_ERROR]}…"
    return f"{outcome.kind}: {words}"


class ToolWorld:
    """One state of an errand. What is done in a copy does not show in the other, so forks are exact."""

    mismatch = ""

    def __init__(self, desk: Desk, *, welcome: str) -> None:
        self.desk = desk
        """For the grader."""
        self.stop: StopReason | None = None
        self.answer: str | None = None
        self._sections: tuple[tuple[str, str], ...] = (("Desk", welcome),)

    async def look(self) -> TextObservation:
        """The last call and what came of it; the state counts in the fingerprint."""
        return TextObservation(self._sections, state=self.desk.digest)

    async def act(self, action: Action) -> Done:
        """Call the tool, or end."""
        if done := ending(action):
            self.stop, self.answer = done.stop, done.answer
            return done
        outcome = self.desk.call(action.name, action.arguments)
        self._sections = seen(action, outcome)
        return Done(error_of(outcome))

    async def fork(self) -> ToolWorld:
        """An equal world with a life of its own."""
        twin = ToolWorld(self.desk.copy(), welcome="")
        twin.stop, twin.answer, twin._sections = self.stop, self.answer, self._sections
        return twin

    async def close(self) -> None:
        """Nothing is held open."""


# Shown to a model before the goal.
BRIEFING = """You run errands by calling tools. After each call you see what came of it: a result, an argument error
(the call did not begin: its arguments are not what the tool takes), a tool error (the tool refused or failed), or a
timeout (nobody knows whether the call was carried out: look before you call again). The tools' documents were written
by many hands; where a document and what the tool does disagree, the tool is right. Change nothing that you were not
asked to change. End with `answer`, with the answer that is asked for or an empty text, or with `report_infeasible`
when the errand cannot be done."""
