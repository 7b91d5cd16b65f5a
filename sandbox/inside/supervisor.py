"""The first process of a sandbox: runs what it is asked to, hands files over, and ends everything at the end.

    python3 -I -S supervisor.py --work WORK [--tmp TMP] [--packages PACKAGES] [--rlimit NAME=VALUE]...
        [--mark NAME=VALUE]

Requests come on standard input and answers go out on standard output, as frames. The host trusts nothing of it.
"""

from __future__ import annotations

import os
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))


def main() -> None:
    if sys.flags.hash_randomization:
        # Sets of strings are to have the same order in a copy of a session as in the session.
        os.execve(sys.executable, [sys.executable, "-S", "-s", *sys.argv], {"PYTHONHASHSEED": "0"})
    name_the_folder()
    from sandbox.inside.service import Service
    from sandbox.inside.spawn import Setting

    options: dict[str, str] = {"--tmp": "/tmp", "--packages": ""}
    rlimits: dict[str, int] = {}
    variables: dict[str, str] = {}
    for name, value in zip(sys.argv[1::2], sys.argv[2::2]):
        key, _, text = value.partition("=")
        if name == "--rlimit":
            rlimits[key] = int(text)
        elif name == "--mark":
            variables[key] = text
        else:
            options[name] = value
    work = os.path.realpath(options["--work"])
    setting = Setting(work=work, tmp=options["--tmp"], packages=options["--packages"], rlimits=rlimits)
    setting.variables.update(variables)
    Service(setting).serve()


def name_the_folder() -> None:
    """Give the files beside this one the names that they have in agentkit, so that they find each other."""
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != HERE]
    for name in ("sandbox", "sandbox.inside"):
        package = types.ModuleType(name)
        package.__path__ = [HERE]
        sys.modules[name] = package


if __name__ == "__main__":
    main()
