"""Words from which the forum's posts are made. People, places and events are invented.

A subject fits into every pattern: patterns have no verb that would have to agree with it.
"""

from __future__ import annotations

__all__ = [
    "ABOUT",
    "CLOSINGS",
    "COMMUNITIES",
    "DETAILS",
    "FIRST",
    "LAST",
    "OPENINGS",
    "REMARKS",
    "SUBJECTS",
    "TAILS",
    "TITLES",
]

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
    (9, "birds", "Birdwatching", "Hides, feeders and early mornings.", "No nest locations. Note date and wind."),
    (10, "boardgames", "Board games", "Tables, dice and rules lawyers.", "No spoilers for campaign games."),
    (11, "pets", "Pets", "Dogs, cats and one tortoise.", "Not a replacement for the vet."),
    (12, "woodwork", "Woodworking", "From spoons to staircases.", "Mention your dust mask."),
)
"""Id, address, title, what it is about, rules."""

SUBJECTS = {
    "gardening": (
        "tomato blight", "raised beds", "heavy clay", "slug traps", "climbing beans", "late frost", "compost heat",
        "seed swaps", "old apple trees", "rain barrels", "rhubarb crowns", "the allotment fence",
    ),
    "cycling": (
        "the river path", "chain wear", "winter tyres", "the climb to Harrow Fell", "bike lights", "bell etiquette",
        "cargo trailers", "squeaky brakes", "the Port Callow loop", "saddle height", "puncture repair", "night rides",
    ),
    "cooking": (
        "sourdough starters", "cast-iron pans", "nettle soup", "frozen leftovers", "pickled beetroot", "oat milk",
        "smoked trout", "plum jam", "flatbread dough", "lentil stew", "blunt knives", "the perfect crust",
    ),
    "fernwick": (
        "the Saturday market", "the ring road", "the new library wing", "bus line 4", "the lantern parade",
        "parking in Corn Square", "the weir footbridge", "recycling days", "the old dye works", "street lamps",
        "the swimming hall", "allotment waiting lists",
    ),
    "repairs": (
        "a dripping tap", "a dead kettle", "a squeaking stair", "an old radio", "a torn rucksack", "a bent spoke",
        "a stuck zip", "a humming fridge", "a cracked tile", "a slow clock", "a wobbly table", "a leaking gutter",
    ),
    "books": (
        "long novels", "the reading circle", "second-hand finds", "poetry evenings", "audiobooks", "large print",
        "sea stories", "unfinished series", "the mobile library", "marginal notes", "translated fiction", "map books",
    ),
    "hiking": (
        "the Sedgehead loop", "leaky boots", "the ridge in fog", "hut bookings", "dog-friendly paths", "map apps",
        "the stepping stones", "blister plasters", "sunrise starts", "the peat path", "gate etiquette", "trail mix",
    ),
    "music": (
        "choir practice", "a cracked fiddle", "the town band", "practice rooms", "sight-reading", "open stages",
        "tin whistles", "the harvest concert", "drum lessons", "borrowed cellos", "sheet-music swaps", "page turners",
    ),
    "birds": (
        "the curlew count", "window strikes", "feeder squirrels", "swift boxes", "the estuary hide", "owl pellets",
        "second-hand binoculars", "the heronry", "wren nests", "ringing sessions", "gull identification",
        "dawn choruses",
    ),
    "boardgames": (
        "solo modes", "lost pieces", "four-hour games", "the Thursday table", "teaching rules", "card sleeves",
        "house rules", "two-player evenings", "dice towers", "co-operative games", "sore losers", "shelf space",
    ),
    "pets": (
        "muddy paws", "a shy rescue cat", "tortoise hibernation", "puppy classes", "hay prices", "cat flaps",
        "long leads", "a talkative budgie", "tick season", "grain-free food", "elderly dogs", "rabbit runs",
    ),
    "woodwork": (
        "green wood", "carving spoons", "dull chisels", "dovetail joints", "a warped door", "linseed oil",
        "workbench height", "salvaged oak", "hand planes", "glue stains", "a three-legged stool", "sawdust",
    ),
}  # fmt: skip

TITLES = (
    "What do you do about {subject}?", "{Subject}: what finally worked for me", "Is anybody else tired of {subject}?",
    "A beginner's question on {subject}", "Unpopular opinion about {subject}", "{Subject} - a small success",
    "Three things I learnt from {subject}", "Looking for advice: {subject}", "Photos: {subject}",
    "Please explain {subject} to me", "{Subject} and my neighbours", "Where do you stand on {subject}?",
    "My notes on {subject} after one year", "Who else spent the weekend on {subject}?", "A short guide to {subject}",
    "{Subject}, but cheaper", "I was wrong about {subject}", "Help with {subject} wanted", "The trouble with {subject}",
    "Stop worrying about {subject}", "Ask me anything about {subject}", "{Subject}: before and after",
    "Weekly thread: {subject}", "Does the season matter for {subject}?", "In praise of {subject}",
    "Common mistakes with {subject}", "First attempt at {subject}", "How much would you pay for {subject}?",
    "Found in the attic: a book on {subject}", "Anyone near Fernwick who knows {subject}?",
)  # fmt: skip
TAILS = (
    "", "", "", "", " (long)", " (update)", " - part two", " - results", " in a small flat", " on a budget",
    " with children about", " after the storm", ", again", " this spring", " for absolute beginners", " without tools",
)  # fmt: skip
"""What some titles end with."""

OPENINGS = (
    "I have lived here for eleven years and still learn something every week.", "Long-time reader, first-time poster.",
    "My grandmother would laugh at me, but here it is.", "This kept me busy for most of the weekend.",
    "I asked at the market and got four different answers.", "It began with a bet and ended with a spreadsheet.",
    "We moved to Port Callow in spring and are still unpacking.", "Short version first, long version below.",
    "Retired teacher with too much time.", "I write this on the bus, so forgive the typing.",
    "Half of this I learnt from my sister, the other half the hard way.", "Nobody at home wants to hear it any more.",
    "It rained for nine days and I had nothing else to do.", "Somebody asked me to write this down, so I did.",
    "Night-shift worker, so my hours are odd.", "I promised an update, and here it is.",
)  # fmt: skip
ABOUT = (
    "It concerns {subject}, and I have tried the obvious things.",
    "So far I know of {count} ways to deal with {subject}, and none of them is pretty.",
    "After {count} weeks with {subject} I have more questions than before.",
    "Everybody warned me about {subject}; everybody was right.",
    "I kept a diary on {subject} for {count} days and the pattern is clear.",
    "The first {count} attempts failed, the next one did not, and I would like to know why.",
    "It cost me {count} pounds in parts and one lost temper.",
    "My question is simple: what would you change first about {subject}?",
    "The library has {count} books that mention {subject}, and they contradict each other.",
    "There were {count} of us and we could not agree on {subject}.",
)
"""What a post is about; `count` is a number."""
DETAILS = (
    "Mornings seem to work better than evenings.", "The cheap version lasted longer than the dear one.",
    "I measured twice and was wrong both times.", "The instructions were written for somebody with three hands.",
    "My neighbour lent me hers, which settled it.", "Cold weather makes it worse.", "Pictures follow when it dries.",
    "The man at the hardware shop shrugged.", "It smells a little, but that passes.", "There is a knack to it.",
    "I would not do it again without help.", "The children thought it was the best day of the year.",
)  # fmt: skip
CLOSINGS = (
    "What am I missing?", "Corrections welcome.", "I will report back next month.", "Thank you for reading this far.",
    "Tell me I am not the only one.", "How do you do it?", "Be gentle.", "That is all.",
)  # fmt: skip

REMARKS = (
    "I would try {subject} in the morning, before anybody else is about.", "It depends on the weather.",
    "Ask at the hardware shop in Corn Square, they know all about {subject}.", "That is exactly what happened to us.",
    "I disagree, and I have the receipts.", "Thank you, this saved my afternoon.", "Has anyone measured it?",
    "Two winters ago I gave up on {subject}; now I swear by it.", "Could you post a picture?",
    "Patience is half of it.", "The trick is to do less than you think.",
    "My neighbour does the opposite and it works as well.", "I keep a notebook about {subject}, happy to share it.",
    "Good to hear that I am not the only one.", "My aunt in Port Callow says the same.", "Or leave it alone.",
    "We had {count} of those and kept one.", "It took me {count} tries.", "There was a class on {subject} once.",
    "This should be pinned.", "I laughed, then I checked mine, then I stopped laughing.", "Rubbish in, rubbish out.",
    "The second picture explains it.", "You can borrow my book on {subject}.", "Nobody tells you this at the start.",
    "Try it with less water.", "I would wait until April.", "Ours is {count} years old and still going.",
    "Sounds like the wrong size.", "Have you asked in the repair cafe?", "That is not how my father did it, but fine.",
    "Somebody at the Thursday table knows more about {subject}.", "I have been wrong about {subject} before.",
)  # fmt: skip
