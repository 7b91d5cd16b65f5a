"""Where the user's own WebArena sites are, and who signs in there.

The benchmark names each site's address in an environment variable: SHOPPING, SHOPPING_ADMIN, REDDIT, GITLAB, WIKIPEDIA,
MAP, HOMEPAGE (VisualWebArena: CLASSIFIEDS too), or the same with WA_ in front, which wins, or VWA_. Records hold
`__SHOPPING__` and its like in place of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from environments.contracts import JSON
from sandbox import AgentkitError

__all__ = ["ACCOUNTS", "Account", "Sites"]

NAMES = ("SHOPPING", "SHOPPING_ADMIN", "REDDIT", "GITLAB", "WIKIPEDIA", "MAP", "HOMEPAGE", "CLASSIFIEDS")
PLACEHOLDER = re.compile(rf"__({'|'.join(NAMES)})__")


class Account(NamedTuple):
    """Who signs in."""

    username: str
    password: str


ACCOUNTS: Mapping[str, Account] = {
    "shopping": Account("emma.lopez@gmail.com", "Password.123"),
    "shopping_admin": Account("admin", "admin1234"),
    "reddit": Account("MarvelsGrantMan136", "test1234"),
    "gitlab": Account("byteblaze", "hello1234"),
    "classifieds": Account("blake.sullivan@gmail.com", "Password.123"),
}
"""The accounts that the benchmark's published images hold; they open nothing else."""


@dataclass(frozen=True, slots=True)
class Sites:
    """Site -> its address without a slash at the end, for the sites that are there."""

    addresses: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Sites:
        """Those that the environment variables name.

        Raises:
            AgentkitError: a variable holds no web address.
        """
        found: dict[str, str] = {}
        for name in NAMES:
            variables = (f"WA_{name}", name, f"VWA_{name}")
            variable = next((one for one in variables if environ.get(one)), None)
            if variable is not None:
                address = environ[variable].strip().rstrip("/")
                if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc:
                    raise AgentkitError(f"{variable}={address!r}: expected an address such as http://localhost:7770")
                found[name.lower()] = address
        return cls(found)

    def lacking(self, sites: Iterable[str]) -> list[str]:
        """The variables that have to be set for these sites."""
        return [site.upper() for site in dict.fromkeys(sites) if site not in self.addresses]

    def filled(self, text: str) -> str:
        """The text with every placeholder replaced.

        Raises:
            AgentkitError: it names a site that has no address.
        """
        if lacking := self.lacking(name.lower() for name in PLACEHOLDER.findall(text)):
            raise AgentkitError(f"the address of a WebArena site is not set: export {' and '.join(lacking)}")
        return PLACEHOLDER.sub(lambda match: self.addresses[match[1].lower()], text)

    def filled_all(self, value: JSON, *, strict: bool = True) -> JSON:
        """The same for every string in a JSON value; not `strict` leaves the placeholders of sites without address."""
        if isinstance(value, str):
            known = strict or not self.lacking(name.lower() for name in PLACEHOLDER.findall(value))
            return self.filled(value) if known else value
        if isinstance(value, Mapping):
            return {name: self.filled_all(one, strict=strict) for name, one in value.items()}
        return [self.filled_all(one, strict=strict) for one in value] if isinstance(value, list | tuple) else value

    def origins(self) -> tuple[str, ...]:
        """What the pages may reach: every site's origin, and its host on any other port, where its parts may lie."""
        parts = [urlsplit(address) for address in self.addresses.values()]
        exact = [f"{part.scheme}://{part.netloc}" for part in parts]
        hosts = [f"{part.scheme}://{part.hostname}" for part in parts]
        return tuple(dict.fromkeys([*exact, *hosts]))
