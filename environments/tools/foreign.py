"""What comes from an MCP server, made fit to be read: names, schemas, results. All of it is somebody else's text."""

from __future__ import annotations

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from environments.contracts import JSON
from environments.tools.desk import Outcome
from environments.tools.world import ENDINGS

if TYPE_CHECKING:
    from mcp.types import CallToolResult

__all__ = ["clean", "mismatch", "reply_of", "told_names", "told_schema"]

LONGEST_RESULT = 20_000
LONGEST_SCHEMA = 20_000
LONGEST_TEXT = 1_000
"""Characters of a result, of a schema as JSON, and of a text within a schema."""
LARGEST_IMAGE = 4 * 2**20
DEEPEST = 20
PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}

ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
UNSEEN = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp")
"""Unicode categories of what cannot be seen, such as marks of direction and tags, which hide words from people."""


def clean(text: str, *, longest: int) -> str:
    """The text without terminal escapes and unseen characters, its middle cut out where it is too long."""
    # What is far from both ends is dropped unread, so that a huge text costs little.
    unread = max(len(text) - 4 * longest, 0)
    if unread:
        text = text[: 2 * longest] + text[-2 * longest :]
    text = ESCAPES.sub("", text.replace("\r\n", "\n"))
    seen = "".join(one for one in text if one in "\n\t" or unicodedata.category(one) not in UNSEEN)
    if not unread and len(seen) <= longest:
        return seen
    half = longest // 2
    return f"{seen[:half]}\n… {unread + len(seen) - 2 * half} characters left out …\n{seen[-half:]}"


def told_names(names: Sequence[str]) -> dict[str, str]:
    """The name that an agent uses -> the server's own. Models take letters, digits, `_` and `-`, at most 64."""
    told: dict[str, str] = {}
    taken = {ending.name for ending in ENDINGS}
    for own in dict.fromkeys(names):
        base = re.sub(r"[^A-Za-z0-9_-]", "_", own)[:60] or "tool"
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        told[name] = own
    return told


def told_schema(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    """The schema with its texts cleaned; any object, where it is none of an object or too large."""
    free: dict[str, JSON] = {"type": "object", "properties": {}}
    cleaned = _cleaned(schema, depth=0)
    if not isinstance(cleaned, dict) or cleaned.get("type") != "object":
        return free
    return free | cleaned if len(json.dumps(cleaned)) <= LONGEST_SCHEMA else free


def mismatch(arguments: Mapping[str, JSON], *, schema: JSON) -> str:
    """In what the arguments do not fit the schema; empty where they do, or where the schema itself is not sound."""
    from jsonschema import SchemaError
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # Patterns are left out: one that takes for ever to match would stop us. An empty registry fetches nothing.
    plain = _without(schema, names=("pattern", "patternProperties"), depth=0)
    try:
        kind = validator_for(plain)
        kind.check_schema(plain)
        error = best_match(kind(plain, registry=Registry()).iter_errors(arguments))
    except (SchemaError, Unresolvable, RecursionError, TypeError, ValueError):
        return ""
    if error is None:
        return ""
    place = ".".join(map(str, error.absolute_path))
    return clean(f"{place}: {error.message}" if place else error.message, longest=LONGEST_TEXT)


def reply_of(result: CallToolResult) -> Outcome:
    """What a result says: its texts, pictures and resources in order, and its structure where the texts lack it."""
    texts = [_block(block) for block in result.content]
    if result.structured_content is not None and not _says(texts, result.structured_content):
        texts.append(json.dumps(result.structured_content, ensure_ascii=False))
    text = clean("\n".join(texts), longest=LONGEST_RESULT) or "(nothing)"
    pictures = (_picture(block) for block in result.content if block.type == "image")
    picture = next((picture for picture in pictures if picture), None)
    return Outcome("tool error" if result.is_error else "result", text, picture=picture)


def _block(block: Any) -> str:
    match block.type:
        case "text":
            return str(block.text)
        case "image" | "audio":
            return f"[{block.type}, {block.mime_type}, {_size(block.data)} bytes]"
        case "resource_link":
            return f"[link to {block.uri}: {block.description or block.name}]"
        case _:
            resource = block.resource
            text = getattr(resource, "text", None)
            kind = resource.mime_type or "unknown type"
            return f"[resource {resource.uri}, {kind}{f', {_size(resource.blob)} bytes]' if text is None else ']'}" + (
                f"\n{text}" if text is not None else ""
            )


def _says(texts: Sequence[str], structure: JSON) -> bool:
    """Whether one of the texts is the structure as JSON, as servers do for older clients."""
    for text in texts:
        try:
            if json.loads(text) == structure:
                return True
        except (ValueError, RecursionError):
            continue
    return False


def _size(data: str) -> int:
    return len(data.rstrip("=")) * 3 // 4


def _picture(block: Any) -> bytes | None:
    """The bytes of a picture that is what it says it is, and not too large."""
    if block.mime_type not in PICTURES or _size(block.data) > LARGEST_IMAGE:
        return None
    try:
        data = base64.b64decode(block.data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if data.startswith(PICTURES[block.mime_type]) else None


def _cleaned(value: JSON, *, depth: int) -> JSON:
    if depth > DEEPEST and isinstance(value, (dict, list)):
        return type(value)()
    if isinstance(value, str):
        return clean(value, longest=LONGEST_TEXT)
    if isinstance(value, Mapping):
        return {clean(str(key), longest=100): _cleaned(one, depth=depth + 1) for key, one in value.items()}
    return [_cleaned(one, depth=depth + 1) for one in value] if isinstance(value, list) else value


def _without(value: JSON, *, names: Sequence[str], depth: int) -> JSON:
    if depth > DEEPEST and isinstance(value, (dict, list)):
        return type(value)()
    if isinstance(value, Mapping):
        return {key: _without(one, names=names, depth=depth + 1) for key, one in value.items() if key not in names}
    return [_without(one, names=names, depth=depth + 1) for one in value] if isinstance(value, list) else value
