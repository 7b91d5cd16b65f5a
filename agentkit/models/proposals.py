"""What the pilot may do on a page: it reads the situation out of a conversation and proposes actions.

Pure functions, so that training computes from a logged step what the model saw when it acted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agentkit.models.goal import Goal, Span, read_goal, words
from environments.contracts import Action
from environments.web.outline import Element, WebObservation
from memory.trajectory import Message, Observed, Recalled, RecalledItem, Text

__all__ = ["Proposal", "Situation", "as_typed", "key_of", "propose", "read_situation"]

MOST_PROPOSALS = 300
"""Above this many, plain clicks on elements without any word of the goal are dropped first."""


@dataclass(frozen=True, slots=True)
class Past:
    """One earlier action of this attempt."""

    action: Action
    key: str
    changed: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """What the pilot reads out of a conversation."""

    goal: Goal
    observation: WebObservation
    past: tuple[Past, ...]
    experiences: tuple[RecalledItem, ...]
    avoid: Mapping[str, float]
    """From reflections: proposal key, or `fingerprint|key`, to how strongly it is to be avoided."""


@dataclass(frozen=True, slots=True)
class Proposal:
    action: Action
    element: Element
    text: str = ""
    """What is typed or chosen; empty for a click."""
    span: Span | None = None
    """The piece of the goal that `text` comes from."""
    source: str = ""
    """Where the text comes from: `goal` or `page`."""
    key: str = ""
    """Names the same proposal across attempts at one instance, where references may differ."""


def read_situation(messages: Sequence[Message]) -> Situation:
    """Find goal, page, history and memory in a conversation.

    Raises:
        ValueError: there is no web observation in it; the pilot works on pages only.
    """
    goal, observation = "", None
    past: list[Past] = []
    experiences: list[RecalledItem] = []
    avoid: dict[str, float] = {}
    pending: list[Action] = []
    for message in messages:
        pending += [Action(call.name, call.arguments) for call in message.tool_calls]
        for part in message.parts:
            if isinstance(part, Text) and part.purpose == "goal":
                goal = part.text
            elif isinstance(part, Observed) and isinstance(part.observation, WebObservation):
                if observation is not None:
                    changed = part.observation.fingerprint != observation.fingerprint
                    past += [Past(action, key_of(action, observation), changed) for action in pending]
                observation, pending = part.observation, []
            elif isinstance(part, Recalled):
                experiences += [item for item in part.items if item.kind == "experience"]
                for item in part.items:
                    if item.kind == "reflection":
                        for key, weight in item.data.get("avoid", {}).items():
                            avoid[key] = avoid.get(key, 0.0) + float(weight)
    if observation is None:
        raise ValueError("the pilot found no web observation in the messages; it works in web environments only")
    latest = {item.id: item for item in experiences}
    return Situation(read_goal(goal), observation, tuple(past), tuple(latest.values()), avoid)


def key_of(action: Action, observation: WebObservation) -> str:
    """The proposal's name, independent of reference numbers."""
    element = observation.find(str(action.arguments.get("ref", "")))
    if element is None:
        return str(action)
    twins = [e.ref for e in observation.elements if e.ref and (e.role, e.name) == (element.role, element.name)]
    nth = twins.index(element.ref) if element.ref in twins else 0
    text = action.arguments.get("text", action.arguments.get("option", ""))
    text = text if isinstance(text, str) else ", ".join(text)
    return f"{action.name}|{element.role}|{element.name}|{nth}|{text}"


def propose(situation: Situation) -> list[Proposal]:
    """Every action worth ranking: clicks, texts from the goal or the page, options. Never empty on a usable page."""
    texts = list(typed_texts(situation))
    found: list[Proposal] = []
    for element in situation.observation.elements:
        if not element.ref or "disabled" in element.states:
            continue
        if "edit" in element.actions:
            found += [
                made(Action("fill", {"ref": element.ref, "text": form}), element, form, span, source)
                for text, span, source in texts
                if (form := as_typed(text, element.type)) and form != element.value
            ]
        if element.options:
            found += [
                made(Action("select_option", {"ref": element.ref, "option": option}), element, option, None, "page")
                for option in element.options
            ]
            wanted = [option for option in element.options if option.strip().lower() in situation.goal.lower]
            if len(wanted) > 1 and "multiselectable" in element.states:
                several = Action("select_option", {"ref": element.ref, "option": wanted})
                found.append(made(several, element, ", ".join(wanted), None, "page"))
        elif element.actions & {"click", "check", "edit"}:
            found.append(made(Action("click", {"ref": element.ref}), element, "", None, ""))
    if len(found) > MOST_PROPOSALS:
        found.sort(key=lambda p: -bool(situation.goal.words & set(words(p.text or p.element.name))))
    return number_twins(found[:MOST_PROPOSALS]) or [Proposal(Action("wait"), Element("none"), key="wait")]


DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
CLOCK = re.compile(r"(\d{1,2}):(\d{2}) ?([AP]M)?", re.I)


def as_typed(text: str, type: str) -> str:
    """The text in the form that a field of this type takes; empty when it cannot be one."""
    if type == "date":
        day = DAY.fullmatch(text)
        return f"{day[3]}-{int(day[1]):02}-{int(day[2]):02}" if day else ""
    if type == "time":
        clock = CLOCK.fullmatch(text)
        if clock is None:
            return ""
        hour = int(clock[1]) % 12 + 12 * (clock[3].upper() == "PM") if clock[3] else int(clock[1])
        return f"{hour:02}:{clock[2]}"
    return text


def made(action: Action, element: Element, text: str, span: Span | None, source: str) -> Proposal:
    return Proposal(action, element, text, span, source)


def number_twins(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Give each proposal its key; twins (same role, name and text) are told apart by their order on the page."""
    seen: dict[str, int] = {}
    named = []
    for p in proposals:
        stem = f"{p.action.name}|{p.element.role}|{p.element.name}"
        nth = seen.get(f"{stem}|{p.text}", 0)
        seen[f"{stem}|{p.text}"] = nth + 1
        named.append(Proposal(p.action, p.element, p.text, p.span, p.source, f"{stem}|{nth}|{p.text}"))
    return named


def typed_texts(situation: Situation) -> Iterator[tuple[str, Span | None, str]]:
    """Texts that may be typed: the goal's pieces, then what stands on the page beside a word of the goal."""
    for span in situation.goal.spans:
        yield span.text, span, "goal"
    elements = situation.observation.elements
    yielded = {span.text for span in situation.goal.spans}
    for before, after in zip((None, *elements), elements, strict=False):
        text = after.value if "edit" in after.actions and len(after.value) > 8 else ""
        if (
            before is not None
            and not after.ref
            and set(words(before.name))
            and set(words(before.name)) <= situation.goal.words
        ):
            text = after.name
        if text and text not in yielded and len(yielded) < 14:
            yielded.add(text)
            yield text, None, "page"
