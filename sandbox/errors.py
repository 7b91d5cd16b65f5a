"""The root of every error that agentkit raises on purpose.

Each folder grows its own small tree from this one class:

    AgentkitError
    ├── SandboxError           sandbox.contracts: the sandbox failed, not what runs in it
    │   ├── SandboxUnavailable     this machine cannot run it
    │   ├── SandboxBroken          it died or stopped answering
    │   ├── SessionClosed          it was used after its end
    │   └── FileRefused            a file cannot cross the border
    ├── EnvironmentFailure     environments.contracts: the provider failed, not the agent's action
    ├── RecordError            memory.contracts: a log, journal or index that cannot be read or written
    ├── ModelError             agentkit.models.contracts: a model that cannot be reached or understood
    └── BudgetExceeded         agentkit.budget: a limit was reached before the next spending
"""

__all__ = ["AgentkitError", "MissingDependencyError"]


class AgentkitError(Exception):
    """A failure with a message that says what was got, what was expected and what to do."""


class MissingDependencyError(AgentkitError, ImportError):
    """An optional package or program is absent; the message is the command that installs it."""
