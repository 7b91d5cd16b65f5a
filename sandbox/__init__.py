"""Where untrusted code runs. The lowest folder: it imports nothing else of agentkit's."""

from sandbox.errors import AgentkitError, MissingDependencyError

__all__ = ["AgentkitError", "MissingDependencyError"]
