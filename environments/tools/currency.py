"""The back end of money: exchange rates by day, and accounts in several currencies. Balances are in cents."""

from __future__ import annotations

from environments.contracts import JSON
from environments.tools.functions import DATE, State, Tool, ToolRefused, found, new_id, optional, takes, text, whole

__all__ = ["TOOLS", "rate"]

CODE = "Three-letter code, such as USD."
LETTERS = r"^[A-Z]{3}$"
DAY = "The day of the rate, such as 2026-03-02; today where it is left out."


def rate(state: State, *, base: str, quote: str, date: str) -> float:
    """Units of `quote` for one unit of `base`.

    Raises:
        ToolRefused: no rates of that day, or no such currency.
    """
    day = state["rates"].get(date or state["clock"]["today"]["value"])
    if day is None:
        raise ToolRefused(f"not found: no rates of {date}; there are: {', '.join(sorted(state['rates']))}")
    for code in (base, quote):
        if code not in day:
            raise ToolRefused(f"not found: no currency {code!r}; there are: {', '.join(sorted(day))}")
    return float(day[quote] / day[base])


def list_currencies(state: State) -> JSON:
    return {"codes": sorted(state["rates"][state["clock"]["today"]["value"]]), "days": sorted(state["rates"])}


def get_rate(state: State, *, base: str, quote: str, date: str) -> JSON:
    return {"rate": round(rate(state, base=base, quote=quote, date=date), 6)}


def convert(state: State, *, amount: float, source: str, target: str, date: str) -> JSON:
    return {"amount": round(amount * rate(state, base=source, quote=target, date=date), 2), "currency": target}


def list_accounts(state: State) -> JSON:
    return {"accounts": [{"id": one["id"], "name": one["name"]} for one in state["accounts"].values()]}


def get_balance(state: State, *, account_id: str) -> JSON:
    account = found(state, table="accounts", key=account_id)
    return {"account_id": account_id, "currency": account["currency"], "balance": account["cents"]}


def transfer(state: State, *, from_account: str, to_account: str, amount: int) -> JSON:
    giver, taker = (found(state, table="accounts", key=key) for key in (from_account, to_account))
    if giver is taker:
        raise ToolRefused("conflict: both are the same account")
    if giver["cents"] < amount:
        raise ToolRefused(f"conflict: {from_account} holds {giver['cents']} cents, less than {amount}")
    arrived = round(amount * rate(state, base=giver["currency"], quote=taker["currency"], date=""))
    giver["cents"] -= amount
    taker["cents"] += arrived
    key = new_id(state, table="transfers", letter="B")
    state["transfers"][key] = {"id": key, "from": from_account, "to": to_account, "cents": amount}
    return {"id": key, "arrived": arrived, "currency": taker["currency"]}


TOOLS = (
    Tool(run=list_currencies, description="Known currencies, and the days with rates.", parameters=takes()),
    Tool(
        run=get_rate,
        description="How many units of the quote currency one unit of the base currency buys.",
        parameters=takes(
            base=text(CODE, pattern=LETTERS),
            quote=text(CODE, pattern=LETTERS),
            date=optional(text(DAY, pattern=DATE), ""),
        ),
    ),
    Tool(
        run=convert,
        description="An amount in another currency, rounded to two places. Nothing is paid.",
        parameters=takes(
            amount={"type": "number", "description": "The amount, in units, not cents.", "minimum": 0, "maximum": 1e9},
            source=text(f"The currency it is in. {CODE}", pattern=LETTERS),
            target=text(f"The currency it is wanted in. {CODE}", pattern=LETTERS),
            date=optional(text(DAY, pattern=DATE), ""),
        ),
    ),
    Tool(run=list_accounts, description="Id and name of every account.", parameters=takes()),
    Tool(
        run=get_balance,
        description="An account's currency, and its balance in cents (hundredths) of that currency.",
        parameters=takes(account_id=text("The account's id, such as A-102.")),
    ),
    Tool(
        run=transfer,
        description="Moves money between two accounts; into another currency at today's rate.",
        parameters=takes(
            from_account=text("Id of the account that pays."),
            to_account=text("Id of the account that is paid."),
            amount=whole("Cents of the paying account's currency.", low=1, high=1_000_000_000),
        ),
    ),
)
