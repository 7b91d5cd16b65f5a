"""What a trajectory teaches: experiences for the pilot, tips for a language model. Read from the trace; no model asked.

After Qian et al., "Iterative Experience Refinement of Software-Developing Agents" (2024), and Shinn et al. (2023) for
the reflections. Deviations:
1. An experience is one decision, kept by how it stood to the goal and the page (`features.signature`), not a shortcut
   between two versions of a program.
2. A reflection becomes a tip only when a later attempt at the same instance succeeded: advice that was not seen to help
   is not kept.
3. The goal's own pieces are taken out of the cue, so that one lesson serves every instance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from agentkit.models.features import PageView, signature
from agentkit.models.goal import goal_pattern
from agentkit.models.proposals import Proposal, Situation, propose, read_situation
from environments.contracts import Observation
from environments.web.outline import WebObservation
from memory import events
from memory.events import Event
from memory.items import Content, Provenance, Scope
from memory.trajectory import Attempt, Step, Trajectory

__all__ = ["lessons", "uses"]


def lessons(trajectory: Trajectory, *, study: str = "") -> list[Event]:
    """The events that a finished training trajectory adds to memory: uses of what it recalled, and what is new.

    A failed trajectory teaches nothing but which of its actions had no effect; what to do instead is not known.
    """
    found = list(uses(trajectory, study=study))
    for attempt in trajectory.attempts:
        last = attempt is trajectory.attempts[-1]
        source = Provenance.of(trajectory, study=study, attempt=attempt.index)
        scope = Scope(environment=trajectory.suite)
        if trajectory.success:
            decisions = worked(attempt) if last else led_astray(attempt, trajectory.attempts[-1])
            shown = tuple(sorted({item.id for step in attempt.steps for item in step.recalled}))
            found += [
                events.added(content, source, derived_from=shown)
                for content in contents(attempt, decisions, scope, outcome=1 if last else -1)
            ]
            found += [] if last else [events.added(tip, source) for tip in tips(attempt, scope)]
    return found


def uses(trajectory: Trajectory, *, study: str = "") -> Iterator[Event]:
    """Which items were shown, and whether the attempt that saw them went well."""
    for attempt in trajectory.attempts:
        last = attempt is trajectory.attempts[-1]
        seen: set[str] = set()
        for step in attempt.steps:
            for item in step.recalled:
                if item.id in seen:
                    continue
                seen.add(item.id)
                where = Provenance.of(trajectory, study=study, attempt=attempt.index, step=step.index)
                yield events.recalled(item.id, where)
                if last and trajectory.score is not None:
                    verdict = events.helped if trajectory.success else events.hurt
                    yield verdict(item.id, Provenance.of(trajectory, study=study, attempt=attempt.index))


def worked(attempt: Attempt) -> list[Step]:
    """The steps of a successful attempt that had a part in it.

    Left out are those that failed or changed no more than the focus, and detours: what lies between two visits to the
    same state led nowhere.
    """
    kept: list[Step] = []
    states: list[str] = []
    after = [step.observation for step in attempt.steps[1:]] + [attempt.final]
    for step, outcome in zip(attempt.steps, after, strict=True):
        here = substance(step.observation)
        if here in states:
            cut = states.index(here)
            del kept[cut:], states[cut:]
        if step.action and not step.error and (step.terminated or here != substance(outcome)):
            kept.append(step)
            states.append(here)
    return kept


def substance(observation: Observation | None) -> str:
    """The state of a page less what is in focus."""
    if not isinstance(observation, WebObservation):
        return observation.fingerprint if observation else ""
    elements = observation.elements
    return repr([(e.role, e.name, e.value, sorted(e.states - {"focused"})) for e in elements] + [observation.url])


def led_astray(attempt: Attempt, good: Attempt) -> list[Step]:
    """The step that ended a failed attempt, unless the successful one did the same on the same page."""
    if not attempt.steps or not attempt.steps[-1].terminated:
        return []
    done_well = {(step.observation.fingerprint, str(step.action)) for step in good.steps}
    last = attempt.steps[-1]
    return [] if (last.observation.fingerprint, str(last.action)) in done_well else [last]


def contents(attempt: Attempt, steps: Sequence[Step], scope: Scope, *, outcome: int) -> Iterator[Content]:
    """One experience a step, as text for a person and tags for the pilot."""
    pattern = goal_pattern(attempt.goal)
    for step in steps:
        chosen = proposal_of(step)
        if chosen is None:
            continue
        situation, proposal, row = chosen
        tags = sorted(signature(proposal, row, situation=situation))
        advice = "it worked to" if outcome > 0 else "it was wrong to"
        text = f'When the goal is like "{pattern}", {advice} {in_words(proposal, tags)}.'
        yield Content.of("experience", text, scope=scope, data={"tags": tags, "outcome": outcome}, cue=pattern)


def proposal_of(step: Step) -> tuple[Situation, Proposal, dict[str, float]] | None:
    """The step's action as the pilot would have proposed it; None where it could not have."""
    if step.action is None or not isinstance(step.observation, WebObservation):
        return None
    situation = read_situation(step.messages)
    proposals = propose(situation)
    page = PageView(situation, proposals)
    for proposal in proposals:
        if (proposal.action.name, dict(proposal.action.arguments)) == (step.action.name, dict(step.action.arguments)):
            row = {**page.element_features(proposal), **page.text_features(proposal), **page.history_features(proposal)}
            return situation, proposal, row
    return None


def in_words(proposal: Proposal, tags: Iterable[str]) -> str:
    """The decision for a reader, without the instance's own words."""
    known = set(tags)
    named = next((tag.removeprefix("name:") for tag in sorted(known) if tag.startswith("name:")), "")
    relation = next((words for tag, words in RELATIONS if tag in known), "")
    what = f'the {proposal.element.role} "{named}"' if named else f"the {proposal.element.role}"
    where = " ".join(part for part in (what, relation) if part)
    verb = {"fill": "type a piece of the goal into", "select_option": "choose an option of"}.get(
        proposal.action.name, "click"
    )
    when = " as the first thing" if "first" in known else ""
    return f"{verb} {where}{when}"


RELATIONS = (
    ("name_quoted", "whose name the goal quotes"),
    ("name_phrase", "whose name stands in the goal"),
    ("ordinal_agrees", "at the position that the goal names"),
    ("label_before_text", "whose label stands before that piece"),
    ("option_phrase", "with the option that the goal names"),
    ("ending_all_used", "once every piece of the goal is in place"),
)


def tips(attempt: Attempt, scope: Scope) -> Iterator[Content]:
    """The reflections on a failed attempt, as advice for goals like this one; only called when a retry succeeded."""
    pattern = goal_pattern(attempt.goal)
    for note in attempt.notes:
        if note.kind == "reflection" and note.text and not note.data:
            yield Content.of("tip", note.text, scope=scope, data={"goal_pattern": pattern}, cue=pattern)
