"""Words that the code host's people, projects, issues and discussions are made of. All invented."""

from __future__ import annotations

__all__ = [
    "BIOS",
    "BODIES",
    "BRANCHES",
    "COMMITS",
    "FIRST",
    "GROUPS",
    "ISSUES",
    "KINDS",
    "LABELS",
    "LAST",
    "MILESTONES",
    "NOTES",
    "PLACES",
    "SNIPPETS",
    "THEMES",
]

FIRST = (
    "Aldous", "Berit", "Casimir", "Delphine", "Edda", "Farouk", "Greta", "Hollis", "Imogen", "Jorun", "Kezia", "Lorcan",
    "Mireille", "Nadim", "Odile", "Percy", "Quentin", "Rosalind", "Soren", "Tamsin", "Umberto", "Vesna", "Wilfred",
    "Yara", "Zoltan",
)  # fmt: skip
LAST = (
    "Ashdown", "Brackley", "Corvane", "Dunmore", "Eskdale", "Fenwright", "Garrow", "Hathersage", "Inkpen", "Jessop",
    "Kestle", "Larkham", "Marlowe", "Netherby", "Oakshott", "Penhale", "Quarrie", "Redfern", "Stannard", "Thurlow",
)  # fmt: skip
PLACES = ("Fernwick", "Port Callow", "Sedgehead", "Fernwick", "Larchmoor", "the east bank of the Sedge")
BIOS = (
    "Writes small tools and deletes them again.", "Tide tables, parsers, sourdough.", "Reads stack traces for fun.",
    "Mostly docs, sometimes bugs.", "I maintain things that other people forgot.", "Back end by day, bell ringer by night.",  # noqa: E501
    "Tests first, tea second.", "Maps, timetables and everything that is late.",
)  # fmt: skip

GROUPS = (
    ("sedge-tools", "Sedge Tools", "Command-line tools that do one thing, kept small on purpose."),
    ("fernwick-labs", "Fernwick Labs", "Experiments from the university's computing club."),
    ("harrow-data", "Harrow Data", "Open data about hills, weather and water, and what reads it."),
    ("callow-works", "Callow Works", "Software for the harbour and its ferries."),
    ("lantern-collective", "Lantern Collective", "Interfaces, components and the odd game."),
    ("county-services", "County Services", "What the county's offices run, in the open."),
)
"""Slug, title, what it is about."""

THEMES = (
    "tide", "ferry", "lantern", "parcel", "gauge", "ledger", "timetable", "weather", "hedge", "orchard", "beacon",
    "quarry", "archive", "ballot", "kettle", "signal", "harbour", "pasture", "rain", "bridge", "library", "market",
    "moor", "compass", "turnstile", "greenhouse",
)  # fmt: skip
KINDS = (
    ("watch", "Watches {theme} readings and says when something is off."),
    ("api", "A small HTTP service for {theme} records."),
    ("cli", "A command line for {theme} data, with sensible defaults."),
    ("parser", "Reads the old {theme} files and gives back plain records."),
    ("board", "A display of {theme} figures for the hallway screen."),
    ("sync", "Keeps two {theme} stores the same, slowly and safely."),
    ("kit", "Building blocks for anything to do with {theme} data."),
    ("planner", "Plans {theme} work for a week, and explains itself."),
)
"""The second half of a project's name, and what such a project is."""

LABELS = (
    ("bug", "#c0392b", "Something does the wrong thing"),
    ("feature", "#2471a3", "Something new"),
    ("documentation", "#1e8449", "Words about it"),
    ("performance", "#b9770e", "It is too slow"),
    ("good first issue", "#7d3c98", "A way in for newcomers"),
    ("accessibility", "#117a65", "For everyone, on every device"),
    ("security", "#7b241c", "Must not wait"),
    ("question", "#5d6d7e", "Somebody wants to know"),
)
MILESTONES = ("1.0 Spring tide", "1.1 Low water", "2.0 High water", "Backlog", "Summer release", "Housekeeping")

COMMITS = (
    "Handle an empty {noun}", "Rename {verb}_{noun} for clarity", "Fix rounding in {noun} totals",
    "Speed up {noun} lookup", "Add a limit to {noun} retries", "Log skipped {noun} entries", "Tidy {noun} module",
    "Raise the default {noun} timeout", "Remove a dead {noun} branch", "Guard against negative {noun} values",
    "Document {noun} settings", "Accept {noun} names in mixed case", "Cache the {noun} index", "Simplify {verb}_{noun}",
)  # fmt: skip
BRANCHES = ("fix-{noun}", "feature-{noun}", "{noun}-cleanup", "try-{noun}-cache", "docs-{noun}", "speed-up-{noun}")

ISSUES = (
    "Crash when the {noun} is empty", "{Noun} totals are off by one", "Support several {noun} sources",
    "{Noun} page is unreadable on small screens", "Timeouts while loading the {noun} list", "Explain {noun} settings",
    "Wrong time zone in {noun} export", "Allow a custom {noun} colour", "Duplicate {noun} rows after a restart",
    "{Noun} search ignores accents", "Add keyboard shortcuts to the {noun} view", "Memory grows with every {noun}",
    "Make the {noun} limit configurable", "Installation fails behind a proxy", "{Noun} names are cut after 20 letters",
    "Show when a {noun} was last changed", "Flaky {noun} test on slow machines", "Export {noun} records as CSV",
)  # fmt: skip
BODIES = (
    "Seen on two machines, always in the morning.", "It happens with the newest version; the one before is fine.",
    "Steps: open the page, change the {noun}, press save twice.", "I can send a log if that helps.",
    "Not urgent, but it confuses everybody in the office.", "Expected: the same as in the manual. Got: nothing at all.",
    "The harbour office asked for this three times now.", "A workaround is to delete the {noun} and start again.",
)  # fmt: skip
NOTES = (
    "I can reproduce this.", "Could you try again with the latest commit?", "Let us keep this small.",
    "Looks good to me, apart from the name.", "This also fixes the {noun} problem we had in autumn.",
    "I would rather see a test first.", "Taking a look this week.", "Thanks for the clear report!",
    "Is there a reason not to use the {noun} index here?", "Agreed, the old behaviour made no sense.",
    "Moved to the next milestone.", "The docs need a line about this.",
)  # fmt: skip
SNIPPETS = (
    ("Count lines by author", "authors.sh", "git log --format=%an | sort | uniq -c | sort -rn | head -20\n"),
    ("Round to the next quarter hour", "quarter.py", "def quarter(minutes: int) -> int:\n    return -(-minutes // 15) * 15\n"),  # noqa: E501
    ("Debounce", "debounce.js", "export const debounce = (act, ms = 150, t) => (...x) => {\n  clearTimeout(t);\n  t = setTimeout(() => act(...x), ms);\n};\n"),  # noqa: E501
    ("Rotate backups", "rotate.sh", "for n in 4 3 2 1; do\n  mv -f \"backup.$n\" \"backup.$((n + 1))\" 2>/dev/null\ndone\n"),  # noqa: E501
    ("Tide height between two readings", "between.py", "def between(low, high, part):\n    return low + (high - low) * part\n"),  # noqa: E501
)  # fmt: skip
"""Title, file name and text of what people keep as snippets."""
