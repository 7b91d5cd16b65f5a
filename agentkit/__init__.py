"""An agent framework whose agents get better by working.

    import agentkit

    suite = agentkit.load_suite("miniwob")
    plan = agentkit.Plan(tasks=tuple(suite.tasks()[:4]), agent="react")
    trajectories = await agentkit.run_study(plan, suite, model=agentkit.load_model("pilot"), out=Path("runs/first"))

Names are imported when they are first used, so that `import agentkit` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentkit.budget import Budget, BudgetExceeded
    from agentkit.context import Context
    from agentkit.methods import METHODS, strategy_for
    from agentkit.models.load import load_model
    from agentkit.strategies.react import react
    from agentkit.strategies.reflexion import reflexion
    from agentkit.study import Plan, Progress, run_study
    from environments.contracts import Action, Score, StopReason, Task
    from environments.suites import load_suite
    from memory.study import load_trajectory, read_study
    from memory.trajectory import Trajectory
    from sandbox.errors import AgentkitError

__all__ = [
    "METHODS",
    "Action",
    "AgentkitError",
    "Budget",
    "BudgetExceeded",
    "Context",
    "Plan",
    "Progress",
    "Score",
    "StopReason",
    "Task",
    "Trajectory",
    "load_model",
    "load_suite",
    "load_trajectory",
    "react",
    "read_study",
    "reflexion",
    "run_study",
    "strategy_for",
]

WHERE = {
    "METHODS": "agentkit.methods",
    "Action": "environments.contracts",
    "AgentkitError": "sandbox.errors",
    "Budget": "agentkit.budget",
    "BudgetExceeded": "agentkit.budget",
    "Context": "agentkit.context",
    "Plan": "agentkit.study",
    "Progress": "agentkit.study",
    "Score": "environments.contracts",
    "StopReason": "environments.contracts",
    "Task": "environments.contracts",
    "Trajectory": "memory.trajectory",
    "load_model": "agentkit.models.load",
    "load_suite": "environments.suites",
    "load_trajectory": "memory.study",
    "react": "agentkit.strategies.react",
    "read_study": "memory.study",
    "reflexion": "agentkit.strategies.reflexion",
    "run_study": "agentkit.study",
    "strategy_for": "agentkit.methods",
}


def __getattr__(name: str) -> Any:
    if name not in WHERE:
        raise AttributeError(f"module 'agentkit' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
