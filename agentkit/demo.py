"""`make demo`: three rounds that show an agent getting better, on seeds it never learnt from.

1. *before*: the agent as shipped, one attempt at each held-out instance.
2. It works through training instances with reflexion (the environment tells it success; marked as such) and remembers.
   *memory*: the held-out instances again, one attempt each, recalling what was learnt; memory is read-only now.
3. With the pilot, its head is tuned on its own successful training trajectories. *memory + head*: once more.

Every round makes one attempt per instance with the same sampling seeds and without any feedback, so that rounds are
compared instance by instance.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from agentkit.evaluate import Comparison, compare
from agentkit.models.contracts import Model
from agentkit.models.pilot import Head, PilotModel
from agentkit.progress import progress_bar
from agentkit.study import Plan, run_study
from agentkit.train.pilot import rows_of, tune
from environments.contracts import Split, Suite, Task
from environments.suites import load_suite
from memory.contracts import Store
from memory.trajectory import Trajectory

__all__ = ["DEMO_TASKS", "Round", "demo"]
