"""`agentkit show RUN/TASK`: one episode in the terminal, told like a story.

What pages, models and memory say is untrusted text. It is printed without markup, and characters that could steer a
terminal (escape sequences, direction overrides) are shown by name instead of being sent.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from environments.contracts import Observation, Score, StopReason
from memory.records import sent_text, trajectory_json
from memory.study import LOG_NAME, Study, read_study
from memory.trajectory import (
    Attempt,
    Completion,
    Image,
    Message,
    Observed,
    Recalled,
    Step,
    Text,
    Trajectory,
    Usage,
)
from sandbox import AgentkitError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text as RichText

__all__ = ["EpisodeNotFound", "find_episode", "sentence", "show", "story", "visible"]

SHORT_LINES = 12
"""Lines of a page, a reply or a reflection that are shown without `--full`."""
LISTED = 20
"""Episodes that are named when none was asked for."""
WHOLE = 1_000_000
"""More tokens than any page has."""


class EpisodeNotFound(AgentkitError):
    """No episode, attempt or step of that name; the message lists the nearest."""


def show(
    target: str,
    *,
    full: bool = False,
    attempt: int | None = None,
    step: int | None = None,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Print an episode.

    Args:
        target: A run's folder followed by a trajectory's id, its task and seed, or its task: `runs/x/click-test/3`.
        full: Whole pages and the messages as they were sent, instead of the first lines.
        attempt: Only the attempt of this index.
        step: Only the step of this index.
        as_json: JSON instead of a story; with `full`, the messages as well.
        console: Where to print; the terminal when left out.

    Raises:
        EpisodeNotFound: there is no such episode, attempt or step.
        RecordError: the run cannot be read.
    """
    from rich.console import Console

    out = console or Console()
    study, ids = find_episode(target)
    trajectory = chosen(study.load(ids[0]), attempt=attempt, step=step)
    if as_json:
        # Escaped to ASCII, so that nothing in it can steer the terminal.
        out.out(json.dumps(trajectory_json(trajectory, messages=full), indent=1), highlight=False)
        return
    for block in story(trajectory, full=full, finished=ids[0] in study.finished):
        out.print(block)
    if len(ids) > 1:
        out.print(dim(f"{len(ids) - 1} more: {', '.join(ids[1 : LISTED + 1])}"))


# Finding ---------------------------------------------------------------------------------------------------------


def find_episode(target: str) -> tuple[Study, tuple[str, ...]]:
    """The study, and the ids that `target` names, in the order of the log; at least one.

    Raises:
        EpisodeNotFound: no run, or none of its episodes, has that name; with the nearest names.
    """
    path = Path(target)
    run = next((folder for folder in (path, *path.parents) if (folder / LOG_NAME).exists()), None)
    if run is None:
        raise EpisodeNotFound(f"no run in {target!r} or above it: {LOG_NAME} is not there; give RUN/TASK")
    study = read_study(run)
    wanted = path.relative_to(run).as_posix()
    if wanted == ".":
        some = ", ".join(study.ids[:LISTED]) or "none yet"
        raise EpisodeNotFound(f"{run} is a run; name one of its {len(study.ids)} episodes, as {run}/TASK: {some}")
    same = [id for id in study.ids if f"/{id}".endswith(f"/{wanted}")]
    same = same or [id for id in study.ids if f"/{id.rpartition('/')[0]}".endswith(f"/{wanted}")]
    if not same:
        known = {name: id for id in study.ids for name in (id, id.partition("/")[2], id.split("/")[-2:][0])}
        near = dict.fromkeys(known[name] for name in difflib.get_close_matches(wanted, known, n=8, cutoff=0.4))
        raise EpisodeNotFound(f"no episode {wanted!r} in {run}; nearest: {', '.join([*near][:5]) or 'none'}")
    return study, tuple(same)


def chosen(trajectory: Trajectory, *, attempt: int | None, step: int | None) -> Trajectory:
    """The trajectory with only the attempt and the step that were asked for.

    Raises:
        EpisodeNotFound: it has none of that index.
    """
    attempts = [a for a in trajectory.attempts if attempt is None or a.index == attempt]
    if attempt is not None and not attempts:
        raise EpisodeNotFound(f"no attempt {attempt} in {trajectory.id}; it has {_indices(trajectory.attempts)}")
    if step is None:
        return replace(trajectory, attempts=attempts)
    steps = [s for a in attempts for s in a.steps]
    if step not in {s.index for s in steps}:
        raise EpisodeNotFound(f"no step {step} in {trajectory.id}; it has {_indices(steps)}")
    kept = [replace(a, steps=tuple(s for s in a.steps if s.index == step)) for a in attempts]
    return replace(trajectory, attempts=[a for a in kept if a.steps])


def _indices(parts: Sequence[Attempt] | Sequence[Step]) -> str:
    return ", ".join(str(i) for i in sorted({part.index for part in parts})) or "none"


# Telling ---------------------------------------------------------------------------------------------------------


def story(trajectory: Trajectory, *, full: bool = False, finished: bool = True) -> Iterator[RenderableType]:
    """The episode as blocks to print: its goal, each attempt with its steps, and how it ended."""
    who = f"{trajectory.agent} with {trajectory.model}, {trajectory.split} seed {trajectory.seed}"
    yield plain(trajectory.id, style="bold") + dim(f"  {who}")
    for attempt in trajectory.attempts:
        yield dim("")
        where = f" at {attempt.site}" if attempt.site else ""
        yield plain(f"Attempt {attempt.index} of {len(trajectory.attempts)}{where}", style="bold cyan")
        yield rows([("goal", plain(attempt.goal))])
        before: Step | None = None
        for step in attempt.steps:
            yield dim(f"step {step.index}")
            yield rows(_step(step, before, full=full))
            before = step
        yield rows(_ending(attempt, full=full))
    yield dim("")
    yield rows(_verdict(trajectory, finished=finished))


def _step(step: Step, before: Step | None, *, full: bool) -> list[tuple[str, RenderableType]]:
    told: list[tuple[str, RenderableType]] = [("saw", _seen(step.observation, before, full=full))]
    told += [
        ("recalled", plain(f"{item.id} v{item.version} ({item.score:.2f}): {short(item.text, full=full)}"))
        for item in step.recalled
    ]
    if full:
        old = before.messages if before else ()
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, step.messages, strict=False)))
        told += [("sent", plain(f"{m.role}: {message_text(m)}", style="dim")) for m in step.messages[shared:]]
    told += [
        ("thought", plain(short(thought, full=full))) for reply in step.completions if (thought := thinking(reply))
    ]
    told.append(("did", plain("nothing" if step.action is None else str(step.action), style="bold")))
    told.append(("then", plain(outcome(step), style="red" if step.error else "")))
    told.append(("took", dim(effort(step))))
    return told


def _seen(observation: Observation, before: Step | None, *, full: bool) -> RenderableType:
    if full:
        return plain(observation.render(max_tokens=WHOLE))
    if before is not None and before.observation.fingerprint == observation.fingerprint:
        return dim("the same page")
    return plain(short(observation.render(against=before.observation if before else None), full=False))


def thinking(reply: Completion) -> str:
    """What a reply says besides its action; of a reply without words, the choices it weighed."""
    words = "\n".join(part for part in (reply.reasoning, reply.text) if part)
    if words or len(reply.logprobs) != 1:
        return words
    top = reply.logprobs[0].top
    return "weighed " + ", ".join(f"{choice} {math.exp(logprob):.0%}" for choice, logprob in top) if top else ""


def outcome(step: Step) -> str:
    """What came of the action, in a sentence."""
    if step.error:
        return step.error
    if step.action is None:
        return "no reply could be read as an action"
    end = "; the task ended" if step.terminated else "; the episode was stopped" if step.truncated else ""
    return ("the page changed" if step.changed else "nothing changed") + end


def effort(step: Step) -> str:
    """Where the time went, and what the replies cost."""
    parts = {
        "act": step.timing.act,
        "settle": step.timing.settle,
        "observe": step.timing.observe,
        "model": step.model_s,
        "memory": step.memory_s,
    }
    times = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in parts.items() if seconds >= 0.005)
    return f"{times or 'under 5 ms'} · {spent(step.usage)}"


def spent(usage: Usage) -> str:
    """Tokens and dollars; an unknown price is said to be unknown."""
    cost = "price unknown" if usage.cost_usd is None else f"${usage.cost_usd:.4f}"
    calls = f"{usage.calls} call{'' if usage.calls == 1 else 's'}"
    return f"{calls}, {usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens, {cost}"


def _ending(attempt: Attempt, *, full: bool) -> list[tuple[str, RenderableType]]:
    told: list[tuple[str, RenderableType]] = []
    if full and attempt.final is not None:
        told.append(("at last", plain(attempt.final.render(max_tokens=WHOLE))))
    if attempt.answer is not None:
        told.append(("answer", plain(attempt.answer, style="bold")))
    told.append(("ended", plain(sentence(attempt.stop) + (f" {attempt.detail}" if attempt.detail else ""))))
    told += [(note.kind, plain(short(note.text, full=full), style="yellow")) for note in attempt.notes]
    if attempt.score is not None and not any(note.kind == "evaluation" for note in attempt.notes):
        told.append(("evaluation", plain(judgement(attempt.score), style="yellow")))
    return told


def _verdict(trajectory: Trajectory, *, finished: bool) -> list[tuple[str, RenderableType]]:
    told: list[tuple[str, RenderableType]] = []
    if trajectory.score is not None:
        told.append(("verdict", plain(judgement(trajectory.score), style="green" if trajectory.success else "red")))
    else:
        told.append(("verdict", plain("none" if finished else "none: the episode is unfinished", style="red")))
    if trajectory.uses_gold:
        told.append(("", dim("the agent was told the environment's own verdict (uses_gold)")))
    told.append(("in all", dim(f"{trajectory.wall_s:.1f} s · {spent(trajectory.usage)}")))
    return told


def judgement(score: Score) -> str:
    """A score in words."""
    word = "success" if score.success else "failure"
    return f"{word} ({score.value:.2f}, by {score.source})" + (f": {score.reasons}" if score.reasons else "")


def sentence(stop: StopReason | None) -> str:
    """Why an episode ended, in a sentence."""
    match stop:
        case None:
            return "It was cut short by a crash."
        case StopReason.TERMINATED:
            return "The task itself ended."
        case StopReason.ANSWERED:
            return "The agent said that it was done."
        case StopReason.INFEASIBLE:
            return "The agent reported that the task cannot be done."
        case StopReason.STEP_LIMIT:
            return "The steps were used up."
        case StopReason.DEADLINE:
            return "The time ran out, and the episode was killed where it stood."
        case StopReason.BUDGET:
            return "The budget was used up."
        case StopReason.LOOP:
            return "The agent kept repeating itself after it had been told."
        case StopReason.UNPARSABLE:
            return "The model gave no usable action several times in a row."
        case StopReason.MODEL_ERROR:
            return "The model could not be reached, or refused to answer."
        case StopReason.ENVIRONMENT_ERROR:
            return "The environment broke."
        case StopReason.INTERRUPTED:
            return "The process was stopped; a resumed run starts this task again."
        case never:
            assert_never(never)


# Text ------------------------------------------------------------------------------------------------------------

_NAMED = {
    **{code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"},
    0x7F: "\u2421",
    **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)},
    **{code: f"\\u{code:04x}" for code in (0x061C, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))},
    **{code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)},
}


def visible(text: str) -> str:
    """The text with control characters, direction overrides and lone surrogates shown by name, lines and tabs kept."""
    return text.translate(_NAMED)


def short(text: str, *, full: bool) -> str:
    """The first lines, and how many were left out; all of them when `full`."""
    lines = text.strip("\n").split("\n")
    if full or len(lines) <= SHORT_LINES:
        return text
    return "\n".join([*lines[:SHORT_LINES], f"… {len(lines) - SHORT_LINES} more lines, with --full"])


def message_text(message: Message) -> str:
    """A message as it was sent, in text."""
    words = []
    for part in message.parts:
        match part:
            case Text():
                words.append(part.text)
            case Observed():
                words.append(sent_text(part))
            case Recalled():
                words += [f"{item.id}: {item.text}" for item in part.items]
            case Image():
                words.append(f"({part.media_type} {part.sha256[:12]})")
    words += [f"{call.name}({json.dumps(dict(call.arguments))})" for call in message.tool_calls]
    return "\n".join(words)


def plain(text: str, *, style: str = "") -> RichText:
    """Untrusted text for the terminal: no markup, no control characters."""
    from rich.text import Text as Rich

    return Rich(visible(text), style=style)


def dim(text: str) -> RichText:
    """Text that may be passed over."""
    return plain(text, style="dim")


def rows(told: Sequence[tuple[str, RenderableType]]) -> RenderableType:
    """Labels on the left, what they say on the right."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="dim", min_width=11, no_wrap=True)
    grid.add_column(overflow="fold")
    for label, words in told:
        grid.add_row(plain(label), words)
    return grid
