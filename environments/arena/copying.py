"""Copies what a browser holds of an arena page into another context, so that the copy shows the same.

The server's state is copied by the server. Of the browser are copied: cookies, the document as it was received (so that
a page that answered a form, or showed a notice once, is the same), storage, what fields contain, what is open (dialogs,
menus), scroll and focus. What a script holds in its own variables is not; the caller compares the pages and says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from environments.web.tab import BrowserTab
    from environments.web.window import Window

__all__ = ["copy_window"]

READ = """(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const fields = all('input, textarea, select').map((el) => el.type === 'file' ? null
    : el.type === 'checkbox' || el.type === 'radio' ? el.checked
    : el.localName === 'select' ? [...el.options].map((option) => option.selected) : el.value);
  const focus = all('*').indexOf(document.activeElement);
  const at = document.activeElement;
  const selection = at && typeof at.selectionStart === 'number' ? [at.selectionStart, at.selectionEnd] : null;
  return {
    fields, focus, selection, scroll: [scrollX, scrollY], count: all('*').length,
    dialogs: all('dialog').map((el) => el.open), menus: all('[data-menu]').map((el) => el.ariaExpanded === 'true'),
    stores: [localStorage, sessionStorage].map((store) => ({...store})),
  };
})()"""

WRITE = """((state) => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  [localStorage, sessionStorage].forEach((store, i) => {
    for (const [key, value] of Object.entries(state.stores[i])) store.setItem(key, value);
  });
  all('dialog').forEach((el, i) => { if (state.dialogs[i] && !el.open) el.showModal(); });
  all('[data-menu]').forEach((el, i) => { if (state.menus[i] && el.ariaExpanded !== 'true') el.click(); });
  all('input, textarea, select').forEach((el, i) => {
    const value = state.fields[i];
    if (value === null || value === undefined) return;
    if (typeof value === 'boolean') el.checked = value;
    else if (Array.isArray(value)) [...el.options].forEach((option, j) => { option.selected = value[j]; });
    else if (el.value !== value) el.value = value;
  });
  const focused = all('*').length === state.count ? all('*')[state.focus] : null;
  if (focused && focused !== document.activeElement) focused.focus({preventScroll: true});
  if (focused && state.selection) try { focused.setSelectionRange(...state.selection); } catch {}
  scrollTo(...state.scroll);
})(%s)"""


async def copy_window(source: Window, target: Window, *, headers: Mapping[str, str], first: str) -> None:
    """Bring the target, which has one blank tab, to what the source shows.

    `headers` say which instance answers the target; with the one called `first` added, it answers with the page as it
    was sent before.
    """
    cookies = await source.context.cookies()
    await target.context.add_cookies(cookies)  # type: ignore[arg-type]
    await target.context.set_extra_http_headers({**headers, first: "1"})
    for number, tab in enumerate(source.tabs):
        if number:
            await target.open_tab()
        await _copy_tab(tab, target)
    if len(source.tabs) > 1:
        await target.focus(source.front_index)
    await target.context.set_extra_http_headers(dict(headers))
    await target.context.add_cookies(cookies)  # type: ignore[arg-type]


async def _copy_tab(source: BrowserTab, target: Window) -> None:
    if source.page.url == "about:blank":
        return
    state: dict[str, Any] = await source.evaluate(READ)
    await target.goto(source.page.url)
    await target.front.evaluate(WRITE % json.dumps(state))
