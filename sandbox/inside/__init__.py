"""The program that runs inside a sandbox, as files to be taken there.

Every file but this one lies flat in a folder of the sandbox, which is started as

    python3 -I -S FOLDER/supervisor.py --work WORK [--tmp TMP] [--packages PACKAGES] [--rlimit NAME=VALUE]...

They use the standard library only and run on Python 3.9 and later. What they say is not to be trusted.
"""

from importlib import resources

__all__ = ["sources"]


def sources() -> dict[str, bytes]:
    """The files by name, as they are to lie beside each other."""
    found = {
        path.name: path.read_bytes() for path in resources.files(__package__).iterdir() if path.name.endswith(".py")
    }
    return {name: data for name, data in sorted(found.items()) if name != "__init__.py"}
