"""Many tasks: bounded, resumable, logged; the only writer of memory.

A study is a folder with one append-only log. Tasks run `parallel` at a time; each finished one is a line in the log, so
a killed study goes on with the tasks that have none. What is learnt is a pure function of the log and merges with what
is known, so learning the same trajectory twice adds nothing. A trajectory that was cut short goes on at its step
(`agentkit.flight`).
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, TypedDict

from agentkit.budget import Budget, BudgetExceeded
from agentkit.context import Context
from agentkit.flight import Comparing, Flight
from agentkit.judge import judge_with
from agentkit.methods import strategy_for
from agentkit.models.contracts import Model
from agentkit.models.metered import metered
from agentkit.run import Feedback, run_task
from environments.contracts import Environment, Grader, Suite, Task
from memory.contracts import Store
from memory.log import StudyLog
from memory.study import Study as EarlierStudy
from memory.study import read_study
from memory.trajectory import Trajectory
from sandbox import AgentkitError

__all__ = ["Limits", "Plan", "Progress", "run_study"]

Learn = Literal["online", "after", "off"]
RESUME_SAME = {"suite", "split", "agent", "trials", "feedback", "model", "temperature", "options"}
"""What must not change between the parts of one study; tasks, seeds and limits may grow."""


class Limits(TypedDict, total=False):
    """What a study may spend; a kind left out is not limited."""

    steps: float
    calls: float
    tokens: float
    seconds: float
    usd: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run, and how; written into the log's first line, and compared when a study is resumed."""

    tasks: tuple[Task, ...]
    seeds: tuple[int, ...] = (0,)
    agent: str = "react"
    trials: int = 1
    """Attempts at one task, for agents that retry."""
    parallel: int = 1
    feedback: Feedback = "trace"
    learn: Learn = "off"
    """When a trajectory's lessons are written: as it ends, when the study ends, or never. `after` makes a parallel
    study repeatable, since no task's memory depends on which other ended first."""
    temperature: float | None = None
    limits: Limits = field(default_factory=Limits)
    """Of the whole study."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the suite was loaded with, such as a file of tasks."""

    @property
    def items(self) -> list[tuple[Task, int]]:
        """Every (task, seed), seeds outermost, so that a cut study has seen all tasks."""
        return [(task, seed) for seed in self.seeds for task in self.tasks]

    def record(self) -> dict[str, Any]:
        """The plan as the log keeps it."""
        fields = asdict(self)
        fields["tasks"] = [task.id for task in self.tasks]
        fields["suite"] = self.tasks[0].suite if self.tasks else ""
        fields["split"] = self.tasks[0].split if self.tasks else ""
        return fields


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a study is; given to `on_progress` after every trajectory."""

    done: int
    """Trajectories that this process finished."""
    total: int
    """Trajectories that this process has to finish."""
    finished: int
    """All finished ones, those of earlier parts included."""
    succeeded: int
    """Of `finished`."""
    cost_usd: float | None
    """None when any call's price is unknown."""
    seconds: float
    latest: Trajectory | None

    @property
    def eta_s(self) -> float | None:
        """Seconds left at the pace so far; None before the first result."""
        return None if not self.done else self.seconds / self.done * (self.total - self.done)


async def run_study(
    plan: Plan,
    suite: Suite,
    *,
    model: Model,
    out: Path,
    store: Store | None = None,
    judge: Model | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> list[Trajectory]:
    """Run the plan's tasks and return the trajectories in the plan's order, those of an earlier part included.

    `judge` is who evaluates attempts with `feedback="judge"`; the acting model when left out.

    Raises:
        AgentkitError: there is nothing to run; no judge that can read; `out` holds a study already and `resume` is not
            set, or holds another one.
        ModelUnavailable: the model cannot be reached; nothing is written then.
    """
    if not plan.items:
        raise AgentkitError("no task to run; `agentkit tasks` lists the suites and their tasks")
    strategy_for(plan.agent, trials=plan.trials, prose=writes_prose(model))
    judge = judge or model
    if plan.feedback == "judge" and not writes_prose(judge):
        raise AgentkitError("the pilot cannot judge, since it reads no prose; name a language model with --judge")
    await model.check()
    if plan.feedback == "judge" and judge is not model:
        await judge.check()
    config = {**plan.record(), "model": model.name}
    earlier = study_before(out, config) if resume else None
    created = datetime.now(UTC).isoformat(timespec="seconds")
    id = earlier.id if earlier else f"{out.resolve().name} {created}"
    with StudyLog.open(
        out,
        config=config,
        seed=plan.seeds[0],
        versions=versions(),
        created=created,
        id=id,
        commit=commit(),
        resume=resume,
    ) as log:
        study = Study(
            plan=plan,
            suite=suite,
            model=model,
            judge=judge,
            log=log,
            store=store,
            on_progress=on_progress,
            done={id: earlier.load(id) for id in earlier.finished} if earlier else {},
            earlier=earlier,
            id=id,
        )
        return await study.run()


def study_before(out: Path, config: dict[str, Any]) -> EarlierStudy | None:
    """The log of an earlier run of the same plan; None where there is none.

    Raises:
        AgentkitError: the folder holds another study; the message names what differs.
    """
    if not (out / "log.jsonl").exists():
        return None
    study = read_study(out)
    was = {"options": {}, **study.config}  # studies of before there were options
    differs = [key for key in sorted(RESUME_SAME) if was.get(key) != config.get(key)]
    if differs:
        what = "; ".join(f"{key} was {was.get(key)!r}, now {config.get(key)!r}" for key in differs)
        raise AgentkitError(f"{out} holds another study ({what}); give the same options, or another --out")
    return study


def versions() -> dict[str, str]:
    """Of what decides a result."""
    return {name: version(name) for name in ("agentkit", "playwright", "litellm", "langgraph", "chromadb")}


def commit() -> str:
    """The revision of this checkout, or nothing when it is an installed package."""
    folder = Path(__file__).parent.parent
    if not (folder / ".git").exists():
        return ""
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=False)
    return asked.stdout.strip()


@dataclass(kw_only=True)
class Study:
    """One running study. Its state is what the log does not hold: what is in flight."""

    plan: Plan
    suite: Suite
    model: Model
    judge: Model
    log: StudyLog
    store: Store | None
    on_progress: Callable[[Progress], None]
    done: dict[str, Trajectory]
    """By id; at first, what an earlier run finished."""
    earlier: EarlierStudy | None
    """The log as the earlier run left it; its unfinished trajectories go on where they were."""
    id: str

    def __post_init__(self) -> None:
        self.budget = Budget(**self.plan.limits)
        self.resumed = len(self.done)
        self.started = time.monotonic()

    async def run(self) -> list[Trajectory]:
        todo = [item for item in self.plan.items if trajectory_id(*item) not in self.done]
        waiting = iter(todo)
        if todo:
            try:
                async with self.suite.open(parallel=self.plan.parallel) as (env, grader), asyncio.TaskGroup() as group:
                    for _ in range(min(self.plan.parallel, len(todo))):
                        group.create_task(self.work(waiting, env, grader))
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None
        if self.store is not None and self.plan.learn == "after":
            for task, seed in self.plan.items:
                if trajectory := self.done.get(trajectory_id(task, seed)):
                    await self.learn(trajectory)
        if self.store is not None:
            await self.store.flush()
        return [self.done[key] for item in self.plan.items if (key := trajectory_id(*item)) in self.done]

    async def work(self, waiting: Iterator[tuple[Task, int]], env: Environment, grader: Grader) -> None:
        """Take tasks until there are none, or the study's budget is used up."""
        for task, seed in waiting:
            try:
                self.budget.check()
            except BudgetExceeded:
                return
            trajectory = await self.one(task, seed, env, grader)
            self.done[trajectory.id] = trajectory
            if self.plan.learn == "online":
                await self.learn(trajectory)
            self.on_progress(self.progress(trajectory))

    async def one(self, task: Task, seed: int, env: Environment, grader: Grader) -> Trajectory:
        """Run one task under its own recorder, from where an earlier run was cut short."""
        id = trajectory_id(task, seed)
        before = self.earlier.load(id).attempts if self.earlier and id in self.earlier.unfinished else ()
        recorder = self.log.recorder(id)
        recorder.begin(task, seed=seed, agent=self.plan.agent, model=self.model.name, feedback=self.plan.feedback)
        with Flight.open(self.log.path / "flight", id) as flight:
            judge = flight.model(metered(self.judge, self.budget), role="judge")
            context = Context(
                model=flight.model(metered(self.model, self.budget)),
                budget=self.budget,
                memory=flight.memory(self.store) if self.store else None,
                recorder=Comparing(recorder, before) if before else recorder,
                evaluate=judge_with(judge) if self.plan.feedback == "judge" else None,
                seed=seed,
                temperature=self.plan.temperature,
            )
            trajectory = await self.play(task, env, grader, context)
            recorder.end(
                score=trajectory.score, usage=trajectory.usage, wall_s=trajectory.wall_s, uses_gold=trajectory.uses_gold
            )
            flight.land()
        return trajectory

    async def play(self, task: Task, env: Environment, grader: Grader, context: Context) -> Trajectory:
        """Run the plan's agent on one task."""
        strategy = strategy_for(self.plan.agent, trials=self.plan.trials, prose=writes_prose(self.model))
        return await run_task(
            task,
            env,
            grader=grader,
            strategy=strategy,
            context=context,
            feedback=self.plan.feedback,
            trials=self.plan.trials,
        )

    async def learn(self, trajectory: Trajectory) -> None:
        """Write what the trajectory teaches, and what became of the items it was shown."""
        if self.store is None or trajectory.split != "training":
            return
        from agentkit.strategies.experience import lessons

        await self.store.write(lessons(trajectory, study=self.id))

    def progress(self, latest: Trajectory) -> Progress:
        costs = [t.usage.cost_usd for t in self.done.values()]
        known = [cost for cost in costs if cost is not None]
        fresh = len(self.done) - self.resumed
        return Progress(
            done=fresh,
            total=len(self.plan.items) - self.resumed,
            finished=len(self.done),
            succeeded=sum(t.success for t in self.done.values()),
            cost_usd=sum(known) if len(known) == len(costs) else None,
            seconds=time.monotonic() - self.started,
            latest=latest,
        )


def trajectory_id(task: Task, seed: int) -> str:
    return f"{task.suite}/{task.id}/{seed}"


def writes_prose(model: Model) -> bool:
    """Whether the model can reflect in words; the pilot cannot."""
    from agentkit.models.pilot import PilotModel

    return not isinstance(model, PilotModel)
