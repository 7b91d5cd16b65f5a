"""What the shopping site (Magento) says of itself to its administrators: its REST interface."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from environments.contracts import JSON
from environments.webarena.sites import ACCOUNTS, Account
from sandbox import AgentkitError

__all__ = ["ShopReports"]

NEWEST = {
    "searchCriteria[sortOrders][0][field]": "created_at",
    "searchCriteria[sortOrders][0][direction]": "DESC",
    "searchCriteria[pageSize]": "1",
}


@dataclass(frozen=True, slots=True)
class ShopReports:
    """See `environments.webarena.judging.Reports`."""

    address: str
    """Of the shopping site."""
    account: Account = ACCOUNTS["shopping_admin"]
    limit_s: float = 30.0

    async def latest_order_url(self) -> str:
        """The address of the order that was placed last; empty where there is none.

        Raises:
            AgentkitError: the site does not answer as it should.
        """
        found = await self._ask("orders?" + urllib.parse.urlencode(NEWEST))
        orders = found.get("items") if isinstance(found, dict) else None
        if not orders:
            return ""
        return f"{self.address}/sales/order/view/order_id/{int(orders[0]['increment_id'])}/"

    async def latest_review(self, sku: str) -> tuple[str, str]:
        """Who wrote the product's last review, and its rating in per cent; empty where there is none.

        Raises:
            AgentkitError: the site does not answer as it should.
        """
        reviews = await self._ask(f"products/{urllib.parse.quote(sku, safe='')}/reviews")
        if not reviews:
            return "", ""
        last = reviews[-1]
        ratings = last.get("ratings") or [{}]
        return str(last.get("nickname", "")), str(ratings[0].get("percent", ""))

    async def _ask(self, path: str) -> JSON:
        login = json.dumps(self.account._asdict()).encode()
        token = await asyncio.to_thread(self._send, "default/V1/integration/admin/token", login, "")
        return await asyncio.to_thread(self._send, f"V1/{path}", None, str(token))

    def _send(self, path: str, body: bytes | None, token: str) -> JSON:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(f"{self.address}/rest/{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=self.limit_s) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError) as error:
            raise AgentkitError(f"the shopping site's reports at {self.address}/rest/{path}: {error}") from None
