"""Words from which the forum's posts are made. People, places and events are invented."""

from __future__ import annotations

__all__ = ["COMMENTS", "COMMUNITIES", "FIRST", "LAST", "OPENINGS", "SUBJECTS", "TITLES"]

FIRST = (
    "Ada", "Bram", "Cora", "Dov", "Edda", "Finn", "Gwen", "Hollis", "Ines", "Jory", "Kaja", "Leif", "Mina", "Nils",
    "Orla", "Pim", "Quin", "Rosa", "Soren", "Tova", "Una", "Viggo", "Wanda", "Xenia", "Yorick", "Zelda",
)  # fmt: skip
LAST = (
    "Alder", "Birch", "Calder", "Dunmore", "Elms", "Farrow", "Greaves", "Hale", "Ives", "Juniper", "Kestrel", "Lorne",
    "Marsh", "Nettle", "Oakes", "Pryor", "Quarles", "Rook", "Sedgewick", "Thorne", "Underhill", "Vane", "Wren", "Yew",
)  # fmt: skip

COMMUNITIES = (
    (1, "gardening", "Gardening", "Beds, borders and balconies.", "Be kind. No selling. Name your soil."),
    (2, "cycling", "Cycling", "Two wheels around Larchmoor.", "Wear a helmet in pictures. No race bets."),
    (3, "cooking", "Cooking", "What is on the stove tonight.", "Recipes in the post, not behind a link."),
    (4, "fernwick", "Fernwick", "News and questions about the county town.", "Stay local. Sources for claims."),
    (5, "repairs", "Repairs", "Mend it before you bin it.", "Say what you tried. Unplug it first."),
    (6, "books", "Books", "Reading rooms and reading lists.", "Hide the ending. One review a day."),
    (7, "hiking", "Hiking", "Fells, moors and river paths.", "Leave no trace. Share the weather."),
    (8, "music", "Music", "Choirs, bands and borrowed instruments.", "Credit the players."),
)

SUBJECTS = {
    "gardening": (
        "tomato blight",
        "raised beds",
        "heavy clay",
        "slug traps",
        "climbing beans",
        "late frost",
        "compost heat",
    ),
    "cycling": (
        "the river path",
        "chain wear",
        "winter tyres",
        "the climb to Harrow Fell",
        "bike lights",
        "bell etiquette",
    ),
    "cooking": (
        "sourdough starters",
        "cast-iron pans",
        "nettle soup",
        "freezing leftovers",
        "pickled beetroot",
        "oat milk",
    ),
    "fernwick": (
        "the Saturday market",
        "the ring road",
        "the new library wing",
        "bus line 4",
        "the lantern parade",
        "parking",
    ),
    "repairs": (
        "a dripping tap",
        "a dead kettle",
        "a squeaking stair",
        "an old radio",
        "a torn rucksack",
        "a bent spoke",
    ),
    "books": ("long novels", "the reading circle", "second-hand finds", "poetry evenings", "audiobooks", "large print"),
    "hiking": (
        "the Sedgehead loop",
        "leaky boots",
        "the ridge in fog",
        "hut bookings",
        "dog-friendly paths",
        "map apps",
    ),
    "music": ("choir practice", "a cracked fiddle", "the town band", "practice rooms", "sight-reading", "open stages"),
}

TITLES = (
    "What do you do about {subject}?", "{Subject}: what finally worked for me", "Is anybody else tired of {subject}?",
    "A beginner's question on {subject}", "Unpopular opinion about {subject}", "{Subject} - a small success",
    "Has {subject} changed this year?", "Three things I learnt from {subject}", "Looking for advice: {subject}",
    "Photos: {subject}", "Please explain {subject} to me", "{Subject} and my neighbours",
)  # fmt: skip
OPENINGS = (
    "I have lived here for eleven years and still learn something every week.", "Long-time reader, first-time poster.",
    "My grandmother would laugh at me, but here it is.", "This kept me busy for most of the weekend.",
    "I asked at the market and got four different answers.", "It began with a bet and ended with a spreadsheet.",
    "We moved to Port Callow in spring and are still unpacking.", "Short version first, long version below.",
)  # fmt: skip
COMMENTS = (
    "I would try {subject} in the morning, before anybody else is about.", "It depends on the weather.",
    "Ask at the hardware shop in Corn Square, they know all about {subject}.", "That is exactly what happened to us.",
    "I disagree, and I have the receipts.", "Thank you, this saved my afternoon.", "Has anyone measured it?",
    "Two winters ago I gave up on {subject}; now I swear by it.", "Could you post a picture?",
    "Patience is half of it.",
    "The trick is to do less than you think.", "My neighbour does the opposite and it works as well.",
    "I keep a notebook about {subject}, happy to share it.", "Good to hear that I am not the only one.",
)  # fmt: skip
