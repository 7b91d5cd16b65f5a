"""Where the work is: tasks, observations, actions, graders. Imports sandbox only."""

from environments.contracts import (
    Action,
    Environment,
    EnvironmentFailure,
    Episode,
    Grader,
    Observation,
    Score,
    StepResult,
    StopReason,
    Suite,
    Task,
    Timing,
    ToolSpec,
)

__all__ = [
    "Action",
    "Environment",
    "EnvironmentFailure",
    "Episode",
    "Grader",
    "Observation",
    "Score",
    "StepResult",
    "StopReason",
    "Suite",
    "Task",
    "Timing",
    "ToolSpec",
]
