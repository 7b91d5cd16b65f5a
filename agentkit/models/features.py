"""How a proposal looks to the pilot's head: features for the ranking, signatures for memory.

Pure functions of the conversation, so that `agentkit.train.pilot` computes the same numbers from a logged step as the
model did when it acted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agentkit.models.goal import words
from agentkit.models.proposals import Proposal, Situation, as_typed
from environments.web.outline import Element
from memory.contracts import TextEncoder

__all__ = ["FEATURES", "PageView", "features", "signature"]

ROLES = ("button", "link", "textbox", "checkbox", "radio", "option", "tab", "menuitem", "combobox", "cell", "image")
ENDINGS = frozenset(
    ["submit", "ok", "okay", "done", "save", "search", "login", "book", "send", "apply", "confirm", "go", "finish"]
)

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
    memory = [
        memory_features(situation, signature(p, row, situation=situation))
        for p, row in zip(proposals, rows, strict=True)
    ]
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
CONTENT = frozenset(["checkbox", "radio", "option", "listitem", "text", "cell", "row", "listbox", "combobox"])
"""Roles whose names belong to the instance more than to the kind of task."""


def signature(p: Proposal, row: Mapping[str, float], *, situation: Situation) -> frozenset[str]:
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
