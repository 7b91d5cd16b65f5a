"""Finding elements by name and acting on them, for the page tests."""

from __future__ import annotations

from typing import Any

from environments.contracts import Action, StepResult
from environments.web.episode import WebEpisode
from environments.web.outline import WebObservation


def ref(seen: WebObservation, name: str) -> str:
    """Reference of the one actionable element called `name`."""
    found = [element.ref for element in seen.by_ref.values() if element.name == name]
    assert len(found) == 1, f"{name!r} names {len(found)} of:\n{seen.render()}"
    return found[0]


async def act(episode: WebEpisode, tool: str, name: str = "", **arguments: Any) -> StepResult:
    """Take an action on the element called `name` in the present observation; without a name, on none."""
    if name:
        arguments["ref"] = ref(await episode.observe(), name)
    return await episode.step(Action(tool, arguments))


def words(seen: object) -> str:
    """Everything that an agent would read."""
    assert isinstance(seen, WebObservation)
    return seen.render(max_tokens=100_000)


def events(result: StepResult) -> str:
    """What the agent was told, in one string."""
    assert isinstance(result.observation, WebObservation)
    return "\n".join(result.observation.events)
