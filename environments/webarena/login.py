"""Signing in on the user's WebArena sites: by a file of cookies where there is one, else by the sites' forms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from environments.contracts import EnvironmentFailure
from environments.webarena.records import Record
from environments.webarena.sites import ACCOUNTS, Sites

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

__all__ = ["sign_in", "signs_in_at"]

LIMIT_MS = 30_000.0
STORE = """
(() => { for (const {origin, localStorage: items} of %s)
  if (location.origin === origin) for (const {name, value} of items) localStorage.setItem(name, value) })()
"""


class Form(NamedTuple):
    """A login page: below which path of the site it is, and selectors of what is filled in and pressed."""

    path: str
    username: str
    password: str
    button: str


FORMS = {
    "shopping": Form("/customer/account/login/", "#email", "input[name='login[password]']", "button#send2"),
    "shopping_admin": Form("", "#username", "#login", "button.action-login"),
    "reddit": Form("/login", "input[name='_username']", "input[name='_password']", "form button[type=submit]"),
    "gitlab": Form("/users/sign_in", "#user_login", "#user_password", "form [type=submit]"),
    "classifieds": Form("/index.php?page=login", "#email", "#password", "form button[type=submit]"),
}


def signs_in_at(record: Record) -> tuple[str, ...]:
    """The sites that an agent is signed in at when the task begins: those of its cookie file's name, else its own."""
    if not record.require_login:
        return ()
    if record.storage_state:
        named = Path(record.storage_state).name.rsplit("_state", 1)[0].split(".")
        return tuple(site for site in named if site in FORMS)
    return tuple(site for site in record.sites if site in FORMS) if record.format == "verified" else ()


async def sign_in(page: Page, record: Record, *, sites: Sites, folders: Sequence[Path]) -> None:
    """Make the page's context the benchmark's user. A cookie file is looked for in each of `folders`.

    Raises:
        EnvironmentFailure: a cookie file cannot be read, or a site's form did not let the user in.
    """
    wanted = signs_in_at(record)
    if not wanted:
        return
    for folder in folders if record.storage_state else ():
        if (file := folder / str(record.storage_state)).is_file():
            await _restore(page.context, file)
            return
    for site in wanted:
        await _by_form(page, site, sites)


async def _restore(context: BrowserContext, file: Path) -> None:
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        cookies, origins = state["cookies"], state.get("origins", [])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EnvironmentFailure(f"{file}: expected a browser's storage state with cookies: {error!r}") from None
    await context.add_cookies(cookies)
    if origins:
        await context.add_init_script(STORE % json.dumps(origins))


async def _by_form(page: Page, site: str, sites: Sites) -> None:
    from playwright.async_api import Error

    form, account, address = FORMS[site], ACCOUNTS[site], sites.addresses.get(site)
    if address is None:
        raise EnvironmentFailure(f"cannot sign in at {site}: export {site.upper()} with its address")
    try:
        await page.goto(address + form.path, timeout=LIMIT_MS)
        await page.locator(form.username).first.fill(account.username, timeout=LIMIT_MS)
        await page.locator(form.password).first.fill(account.password)
        await page.locator(form.button).first.click()
        await page.wait_for_load_state("load")
        # Where the password is still asked for, the user was not let in.
        await page.locator(form.password).first.wait_for(state="detached")
    except Error as error:
        reason = error.message.splitlines()[0]
        raise EnvironmentFailure(f"signing in at {address} as {account.username!r} failed: {reason}") from None
