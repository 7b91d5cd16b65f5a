"""What the pilot may do on a page, and how each proposal looks to its head: candidates, features, signatures.

Everything here is a pure function of the conversation, so that `agentkit.train.pilot` computes the same numbers from a
logged step as the model did when it acted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agentkit.models.goal import Goal, Span, read_goal, words
from environments.contracts import Action
from environments.web.outline import Element, WebObservation
from memory.contracts import TextEncoder
from memory.trajectory import Message, Observed, Recalled, RecalledItem, Text

__all__ = ["FEATURES", "Proposal", "Situation", "features", "propose", "read_situation", "signature"]

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
    tags: frozenset[str] = field(default=frozenset(), compare=False)
    """The signature: what is general about it (see `signature`)."""


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


ROLES = ("button", "link", "textbox", "checkbox", "radio", "option", "tab", "menuitem", "combobox", "cell", "image")
ENDINGS = frozenset("submit ok okay done save search login book send apply confirm go finish".split())

FEATURES = (
    "click", "fill", "select_option",
    *(f"role={role}" for role in ROLES), "role=other",
    "name_quoted", "name_phrase", "name_overlap", "name_unmatched", "name_empty", "name_guessed",
    "similarity", "similarity_best", "kind_named", "color_named", "size_named", "neighbour_named", "next_piece",
    "click_field",
    "text_from_goal", "text_from_page", "text_quoted", "label_before_text", "order_agrees", "text_used",
    "text_names_control", "overwrites",
    "option_quoted", "option_phrase", "option_overlap", "option_several", "option_chosen", "option_lost",
    "ordinal_agrees",
    "ending", "ending_pieces_left", "ending_all_used", "ending_nothing_done", "ending_named",
    "repeats", "repeats_without_effect", "was_clicked_matches", "already_checked", "already_focused",
    "in_view", "only_one_of_role",
    "avoid_here", "avoid_elsewhere",
    "memory_for", "memory_against", "memory_margin",
)  # fmt: skip
"""The columns of the feature matrix, in order. A head names the ones it was made for."""


def features(situation: Situation, proposals: Sequence[Proposal], *, encoder: TextEncoder) -> NDArray[np.float64]:
    """One row a proposal, one column a name in `FEATURES`; values within about [-1, 3]."""
    page = PageView(situation, proposals)
    similarity = similarities(situation, proposals, encoder)
    rows = []
    for index, proposal in enumerate(proposals):
        row = {proposal.action.name: 1.0, **page.element_features(proposal), **page.text_features(proposal)}
        row |= page.history_features(proposal)
        row["similarity"] = similarity[index]
        row["similarity_best"] = float(similarity[index] >= similarity.max() - 1e-9)
        rows.append(row)
    memory = [memory_features(situation, signature(situation, p, row)) for p, row in zip(proposals, rows, strict=True)]
    return np.array([[{**row, **m}.get(name, 0.0) for name in FEATURES] for row, m in zip(rows, memory, strict=True)])


def similarities(situation: Situation, proposals: Sequence[Proposal], encoder: TextEncoder) -> NDArray[np.float64]:
    """Cosine of the goal and what each proposal touches, less the page's mean, times three to fill the range."""
    names = [p.text if p.element.options else p.element.name for p in proposals]
    distinct = sorted({name[:80] for name in names if name})
    if not distinct:
        return np.zeros(len(proposals))
    vectors = encoder.encode([situation.goal.text[:400], *distinct])
    cosine = dict(zip(distinct, vectors[1:] @ vectors[0], strict=True))
    values = np.array([float(cosine.get(name[:80], 0.0)) for name in names])
    return np.asarray(3.0 * (values - values.mean()))


class PageView:
    """The page and the history, read once for all proposals of a step."""

    def __init__(self, situation: Situation, proposals: Sequence[Proposal]) -> None:
        self.situation, self.goal = situation, situation.goal
        self.editables = [e.ref for e in situation.observation.elements if e.ref and "edit" in e.actions]
        self.by_role: dict[str, list[str]] = {}
        for element in situation.observation.elements:
            if element.ref:
                self.by_role.setdefault(element.role, []).append(element.ref)
        self.done = {past.key for past in situation.past}
        self.without_effect = {past.key for past in situation.past if not past.changed}
        values = {e.value.lower() for e in situation.observation.elements if e.value}
        keys = [past.key.lower().split("|", 4) for past in situation.past if past.key.count("|") >= 4]
        handled = values | {key[2] for key in keys} | {text for key in keys for text in key[4].split(", ")}
        self.used = {
            span.text
            for span in self.goal.spans
            if span.text.lower() in handled or as_typed(span.text, "date") in handled - {""}
        }
        self.left = [span for span in self.goal.spans if span.text not in self.used]
        self.quoted = {span.text.lower() for span in self.goal.spans}
        self.next = self.left[0].text.lower() if self.left else ""
        elements = situation.observation.elements
        self.controls = {e.name.lower() for e in elements if e.ref and "edit" not in e.actions}
        self.told_by_group = told_by_group(situation)
        areas = sorted(e.box.width * e.box.height for e in elements if e.ref)
        self.typical_area = areas[len(areas) // 2] if areas else 0

    def element_features(self, p: Proposal) -> dict[str, float]:
        """How the element's name stands to the goal, and what it is."""
        element, name = p.element, "" if p.element.guessed else p.element.name.strip()
        name_words = set(words(name))
        overlap = len(name_words & self.goal.words) / len(name_words) if name_words else 0.0
        phrase = bool(name_words) and name.lower() in self.goal.lower
        same = self.by_role.get(element.role, [])
        click = p.action.name == "click"
        ending = click and bool(name_words & ENDINGS) and len(name_words) <= 3
        return {
            f"role={element.role}" if element.role in ROLES else "role=other": 1.0,
            "name_quoted": float(click and name.lower() in self.quoted),
            "name_phrase": float(click and phrase and not ending),
            "name_overlap": overlap if click and not ending else 0.0,
            "name_unmatched": float(click and bool(name_words) and overlap == 0.0),
            "name_empty": float(click and not name_words),
            "name_guessed": len(set(words(element.name)) & self.goal.words) / 3 if element.guessed else 0.0,
            "kind_named": float(bool(({element.role, element.tag, element.type} - {""}) & self.goal.words)),
            "color_named": float(bool(element.color) and element.color.lower() in self.goal.words),
            "size_named": float(click and self.size_named(element)),
            "next_piece": float(bool(self.next) and self.next in (name.lower() if click else p.text.lower())),
            "click_field": float(click and "edit" in element.actions),
            "neighbour_named": float(
                click and element.group > 0 and element.group in self.told_by_group and not phrase
            ),
            "ordinal_agrees": float(
                click and element.ref in same and same.index(element.ref) + 1 in self.goal.ordinals
            ),
            "ending": float(ending),
            "ending_pieces_left": float(ending and bool(self.left)),
            "ending_all_used": float(ending and bool(self.goal.spans) and not self.left),
            "ending_nothing_done": float(ending and not self.situation.past),
            "ending_named": float(ending and phrase),
            "in_view": float(element.in_view),
            "only_one_of_role": float(len(same) == 1),
        }

    def size_named(self, element: Element) -> bool:
        """Whether the goal asks for a small or a large one, and this is one, as things on this page go."""
        area = element.box.width * element.box.height
        small, large = self.goal.words & {"small", "smaller", "smallest"}, self.goal.words & {"large", "larger", "big"}
        return bool(small and area < self.typical_area) or bool(large and area > self.typical_area)

    def text_features(self, p: Proposal) -> dict[str, float]:
        """How what is typed or chosen stands to the goal and to the field."""
        if not p.text:
            return {}
        text_words = set(words(p.text))
        if p.element.options:
            overlap = len(text_words & self.goal.words) / max(1, len(text_words))
            return {
                "option_quoted": float(p.text.strip().lower() in self.quoted),
                "option_phrase": float(all(t.strip().lower() in self.goal.lower for t in p.text.split(", "))),
                "option_overlap": overlap,
                "option_several": float(not isinstance(p.action.arguments["option"], str)),
                "option_chosen": float(set(p.text.split(", ")) <= set(p.element.value.split(", "))),
                "option_lost": float(
                    p.key not in self.done and any(t in self.used for t in p.element.value.split(", "))
                ),
            }
        order = self.goal.spans.index(p.span) if p.span else -1
        return {
            "text_from_goal": float(p.source == "goal"),
            "text_from_page": float(p.source == "page"),
            "text_quoted": float(bool(p.span and p.span.quoted)),
            "label_before_text": float(bool(p.span) and self.label_before(p)),
            "order_agrees": float(order >= 0 and p.element.ref in self.editables[order : order + 1]),
            "text_used": float((p.span.text if p.span else p.text) in self.used),
            "text_names_control": float(p.text.lower() in self.controls),
            "overwrites": float(bool(p.element.value)),
        }

    def label_before(self, p: Proposal) -> bool:
        """Whether the goal's last words before the piece name the field."""
        assert p.span is not None
        before = words(self.goal.text[max(0, p.span.start - 30) : p.span.start])[-3:]
        return bool(set(before) & set(words(p.element.name)) - {"the", "a", "of", "in", "to"})

    def history_features(self, p: Proposal) -> dict[str, float]:
        """What was done before in this attempt, and what reflections of earlier ones warn of."""
        states, avoid = p.element.states, self.situation.avoid
        here = avoid.get(f"{self.situation.observation.fingerprint}|{p.key}", 0.0)
        return {
            "repeats": float(p.key in self.done),
            "repeats_without_effect": float(p.key in self.without_effect),
            "was_clicked_matches": float(p.key in self.done and p.element.name.lower() in self.goal.lower),
            "already_checked": float("checked" in states or "selected" in states),
            "already_focused": float("focused" in states and p.action.name == "click"),
            "avoid_here": min(3.0, here),
            "avoid_elsewhere": min(3.0, avoid.get(p.key, 0.0)),
        }


def told_by_group(situation: Situation) -> frozenset[int]:
    """Groups (rows, cards) that hold a piece or a rare word of the goal: what is beside it is probably meant."""
    wanted = {word for span in situation.goal.spans for word in words(span.text)} or situation.goal.words
    groups: dict[str, set[int]] = {}
    for element in situation.observation.elements:
        for word in set(words(element.name)) & wanted:
            groups.setdefault(word, set()).add(element.group)
    return frozenset(group for found in groups.values() if len(found) == 1 for group in found if group > 0)


RELATIONS = (
    "name_quoted", "name_phrase", "option_phrase", "option_several", "option_chosen", "text_quoted",
    "label_before_text", "order_agrees", "text_used", "text_from_page", "text_names_control", "ordinal_agrees",
    "kind_named", "color_named", "size_named", "neighbour_named", "next_piece", "repeats", "already_checked",
    "only_one_of_role", "ending_pieces_left", "ending_all_used",
)  # fmt: skip
"""The features that say something general; the rest are measures or belong to the instance."""
CONTENT = frozenset("checkbox radio option listitem text cell row listbox combobox".split())
"""Roles whose names belong to the instance more than to the kind of task."""


def signature(situation: Situation, p: Proposal, row: Mapping[str, float]) -> frozenset[str]:
    """What is general about a proposal, as tags: how it stands to the goal, not which words it has.

    A name enters only where it owes nothing to the goal (`Submit`, an icon), since then it is the same next time.
    """
    tags = {f"act:{p.action.name}", f"role:{p.element.role}"}
    tags |= {name for name in RELATIONS if row.get(name, 0.0) > 0}
    if p.span is not None:
        tags.add(f"piece:{situation.goal.spans.index(p.span)}")
    if p.element.role not in CONTENT and not row.get("name_phrase"):
        tags.add("name:" + re.sub(r"\d+", "…", p.element.name.strip().lower()[:40]))
    tags.add("first" if not situation.past else f"after:{situation.past[-1].action.name}")
    return frozenset(tags)


def memory_features(situation: Situation, tags: frozenset[str]) -> dict[str, float]:
    """How much the recalled experiences speak for and against a proposal, each in [0, 1]."""
    speak_for, against = 0.0, 0.0
    for item in situation.experiences:
        likeness = overlap_of(tags, item.data.get("tags", ())) * max(0.0, min(1.0, item.score))
        if item.data.get("outcome", 1) > 0:
            speak_for = max(speak_for, likeness)
        else:
            against = max(against, likeness)
    return {"memory_for": speak_for, "memory_against": against, "memory_margin": speak_for - against}


def overlap_of(tags: frozenset[str], other: Sequence[str]) -> float:
    """Jaccard index, cubed: near misses count little."""
    union = tags | set(other)
    return (len(tags & set(other)) / len(union)) ** 3 if union else 0.0
