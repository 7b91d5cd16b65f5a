"""The back end of messages: what came in, and what was sent."""

from __future__ import annotations

from environments.contracts import JSON
from environments.tools.functions import State, Tool, found, new_id, one_of, optional, takes, text, whole

__all__ = ["TOOLS"]

PAGE = 4
"""Messages that `list_messages` returns at once."""


def list_messages(state: State, *, folder: str, page: int) -> JSON:
    rows = [one for one in reversed(state["messages"].values()) if one["folder"] == folder]
    shown = rows[(page - 1) * PAGE : page * PAGE]
    heads = [{"id": one["id"], "contact_id": one["contact_id"], "subject": one["subject"]} for one in shown]
    return {"messages": heads, "next_page": page + 1 if len(rows) > page * PAGE else None}


def read_message(state: State, *, message_id: str) -> JSON:
    return found(state, table="messages", key=message_id)


def send_message(state: State, *, to: str, subject: str, body: str) -> JSON:
    found(state, table="contacts", key=to)
    key = new_id(state, table="messages", letter="M")
    state["messages"][key] = {"id": key, "folder": "sent", "contact_id": to, "subject": subject, "body": body}
    return {"id": key}


def file_message(state: State, *, message_id: str, folder: str) -> JSON:
    message = found(state, table="messages", key=message_id)
    message["folder"] = folder
    return {"id": message_id, "folder": folder}


TOOLS = (
    Tool(
        run=list_messages,
        description=f"Messages of a folder, newest first, {PAGE} to a page. `next_page` is null on the last page.",
        parameters=takes(
            folder=optional(one_of("The folder.", "inbox", "sent", "archive"), "inbox"),
            page=optional(whole("The page, from 1.", low=1, high=1000), 1),
        ),
    ),
    Tool(
        run=read_message,
        description="A message's folder, other party, subject and text.",
        parameters=takes(message_id=text("The message's id, such as M-401.")),
    ),
    Tool(
        run=send_message,
        description="Sends a message to a contact.",
        parameters=takes(
            to=text("The contact's id, such as C-104."),
            subject=text("Subject line."),
            body=text("The text.", longest=5000),
        ),
    ),
    Tool(
        run=file_message,
        description="Puts a message into a folder.",
        parameters=takes(
            message_id=text("The message's id, such as M-401."),
            folder=one_of("The folder.", "inbox", "archive"),
        ),
    ),
)
