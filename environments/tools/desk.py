"""The desk at which tools are called: a state, and the failures that are waiting in it.

Real services fail in ways that say nothing about the call. Which calls will is fixed with the instance: each tool has a
short list of failures, and each call that is well formed takes the next one from it. Nothing waits: a time-out
here is one that the service reports.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from environments.contracts import JSON
from environments.tools import agenda, articles, contacts, currency, files, messages, orders
from environments.tools.functions import State, Tool, ToolRefused, argument_problem, with_defaults

__all__ = ["TOOLS", "Desk", "Failure", "Kind", "Outcome", "plain"]

BACK_ENDS = (contacts, orders, agenda, files, currency, articles, messages)
TOOLS: Mapping[str, Tool] = {tool.name: tool for back_end in BACK_ENDS for tool in back_end.TOOLS}
"""Every tool by its name."""

Kind = Literal["result", "argument error", "tool error", "timeout", "protocol error"]
"""What a call comes to. A tool error is of the tool; an argument error means that it did not begin; a protocol error is
of a server that does not keep to MCP."""

Failure = Literal["", "rate limit", "unavailable", "timeout", "late"]
"""What happens to a call: nothing special, refused twice over, no answer, or done but the answer did not arrive."""

SAYINGS: Mapping[Failure, str] = {
    "rate limit": "rate limit: too many calls to {name}; call again",
    "unavailable": "unavailable: {name} is restarting; call again",
    "timeout": "{name} did not answer within 10 s; whether the call was carried out is not known",
    "late": "{name} did not answer within 10 s; whether the call was carried out is not known",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call."""

    kind: Kind
    text: str
    """JSON of a result, or words."""
    again: bool = False
    """The call was not carried out, for no fault of its own; the same call may work now. Not told to the agent."""
    picture: bytes | None = None
    """PNG or JPEG bytes that came with it."""


class Desk:
    """One state with its tools. What is done at a desk does not show at its copies."""

    def __init__(self, state: State, *, failures: Mapping[str, Sequence[Failure]]) -> None:
        self.state = state
        """Never changed in place: a call that changes something puts another in its place."""
        self._failures = {name: tuple(waiting) for name, waiting in failures.items()}

    def copy(self) -> Desk:
        """An equal desk with a life of its own."""
        return Desk(self.state, failures=self._failures)

    @property
    def digest(self) -> str:
        """SHA-256 over the state and the waiting failures: equal desks behave equally from here on."""
        waiting = {name: list(failures) for name, failures in self._failures.items() if any(failures)}
        return hashlib.sha256(json.dumps([self.state, waiting], sort_keys=True).encode()).hexdigest()

    def call(self, name: str, arguments: Mapping[str, JSON]) -> Outcome:
        """Call a tool. A call that comes to anything but a result has changed nothing, unless it was `late`."""
        tool = TOOLS.get(name)
        if tool is None:
            return Outcome("argument error", f"no tool {name!r}")
        if problem := argument_problem(tool, arguments):
            return Outcome("argument error", problem)
        failure = self._next_failure(name)
        if failure not in ("", "late"):
            kind: Kind = "timeout" if failure == "timeout" else "tool error"
            return Outcome(kind, SAYINGS[failure].format(name=name), again=True)
        outcome = self._carry_out(tool, arguments)
        return Outcome("timeout", SAYINGS["late"].format(name=name)) if failure == "late" else outcome

    def _next_failure(self, name: str) -> Failure:
        failure, *rest = self._failures.get(name) or ("",)
        self._failures[name] = tuple(rest)
        return failure

    def _carry_out(self, tool: Tool, arguments: Mapping[str, JSON]) -> Outcome:
        # On a copy, so that a tool that refuses half-way leaves no trace, and copies of the desk may share a state.
        after = copy.deepcopy(self.state)
        try:
            result = tool.run(after, **with_defaults(tool, arguments))
        except ToolRefused as refusal:
            return Outcome("tool error", str(refusal))
        told = json.dumps(result, ensure_ascii=False)
        self.state = after
        return Outcome("result", told)


def plain(state: State) -> str:
    """The state as JSON, the same text for equal states."""
    return json.dumps(state, ensure_ascii=False, sort_keys=True)
