"""The back end of people: contacts and the groups they are in."""

from __future__ import annotations

from environments.contracts import JSON
from environments.tools.functions import State, Tool, ToolRefused, found, new_id, one_of, optional, takes, text

__all__ = ["TOOLS"]

ID = "The contact's id, such as C-104."


def find_contacts(state: State, *, name: str) -> JSON:
    wanted = name.casefold()
    hits = [
        {"id": person["id"], "name": person["name"]}
        for person in state["contacts"].values()
        if any(word.startswith(wanted) for word in [person["name"].casefold(), *person["name"].casefold().split()])
    ]
    return {"contacts": hits}


def get_contact(state: State, *, contact_id: str) -> JSON:
    return found(state, table="contacts", key=contact_id)


def add_contact(state: State, *, name: str, email: str, phone: str, city: str) -> JSON:
    if any(person["email"] == email for person in state["contacts"].values()):
        raise ToolRefused(f"conflict: a contact with the address {email!r} exists")
    key = new_id(state, table="contacts", letter="C")
    state["contacts"][key] = {"id": key, "name": name, "email": email, "phone": phone, "city": city, "groups": []}
    return {"id": key}


def update_contact(state: State, *, contact_id: str, field: str, value: str) -> JSON:
    person = found(state, table="contacts", key=contact_id)
    person[field] = value
    return person


def list_group(state: State, *, group: str) -> JSON:
    members = [person["id"] for person in state["contacts"].values() if group in person["groups"]]
    if not members:
        groups = sorted({group for person in state["contacts"].values() for group in person["groups"]})
        raise ToolRefused(f"not found: no group {group!r}; there are: {', '.join(groups)}")
    return {"group": group, "contact_ids": members}


def add_to_group(state: State, *, contact_id: str, group: str) -> JSON:
    person = found(state, table="contacts", key=contact_id)
    person["groups"] = sorted({*person["groups"], group})
    return person


def remove_from_group(state: State, *, contact_id: str, group: str) -> JSON:
    person = found(state, table="contacts", key=contact_id)
    if group not in person["groups"]:
        raise ToolRefused(f"not found: {contact_id} is not in the group {group!r}")
    person["groups"] = [one for one in person["groups"] if one != group]
    return person


TOOLS = (
    Tool(
        run=find_contacts,
        description="Contacts with a first name, surname or full name that begins with the given letters.",
        parameters=takes(name=text("How the name begins; case does not matter.")),
    ),
    Tool(
        run=get_contact,
        description="A contact's name, e-mail address, phone number, city and groups.",
        parameters=takes(contact_id=text(ID)),
    ),
    Tool(
        run=add_contact,
        description="Adds a contact and returns its id. Two contacts cannot have one e-mail address.",
        parameters=takes(
            name=text("First name and surname."),
            email=text("E-mail address.", pattern=r"^[^@\s]+@[^@\s]+$"),
            phone=optional(text("Phone number with country code, such as +44 20 5550 0100."), ""),
            city=optional(text("City."), ""),
        ),
    ),
    Tool(
        run=update_contact,
        description="Sets one field of a contact and returns the contact.",
        parameters=takes(
            contact_id=text(ID),
            field=one_of("The field to set.", "name", "email", "phone", "city"),
            value=text("The new value."),
        ),
    ),
    Tool(
        run=list_group,
        description="The ids of the contacts in a group.",
        parameters=takes(group=text("The group's name, such as team.")),
    ),
    Tool(
        run=add_to_group,
        description="Puts a contact into a group; a new name begins a new group.",
        parameters=takes(contact_id=text(ID), group=text("The group's name.")),
    ),
    Tool(
        run=remove_from_group,
        description="Takes a contact out of a group.",
        parameters=takes(contact_id=text(ID), group=text("The group's name.")),
    ),
)
