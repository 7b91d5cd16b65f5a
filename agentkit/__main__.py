"""The `agentkit` command, and `python -m agentkit`."""

from __future__ import annotations

import sys

from agentkit.doctor import ShadowedPackageError, assert_not_shadowed

__all__ = ["main"]


def main() -> None:
    """Check that agentkit's packages are its own before any of them is imported, then read the command line."""
    try:
        assert_not_shadowed()
    except ShadowedPackageError as error:
        sys.exit(f"error: {error}")
    from agentkit.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
