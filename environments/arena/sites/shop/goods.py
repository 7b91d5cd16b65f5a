"""The words that products, customers and reviews are made of. All invented."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "BRANDS", "CATALOGUE", "CLOSERS", "COLOURS", "DETAILS", "FIRST_NAMES", "LAST_NAMES", "OPENERS", "PROMISES",
    "SERIES", "STREETS", "TITLES", "TOWNS", "Kind", "Section",
]  # fmt: skip


class Kind(NamedTuple):
    """A category of the second level: what is sold in it, from what it is made, and in which options."""

    name: str
    nouns: tuple[str, ...]
    pounds: tuple[int, int]
    materials: tuple[str, ...]
    sizes: tuple[str, ...] = ()
    coloured: bool = False


class Section(NamedTuple):
    """A category of the first level."""

    name: str
    about: str
    kinds: tuple[Kind, ...]


CLOTHES = ("Small", "Medium", "Large", "Extra large")
BOOTS = ("38", "40", "42", "44", "46")

CATALOGUE: tuple[Section, ...] = (
    Section("Camping", "For nights under canvas and mornings on the fell.", (
        Kind("Tents", ("Ridge Tent", "Dome Tent", "Tunnel Tent", "Tarp Shelter", "Bell Tent"), (79, 420),
             ("ripstop polyester", "cotton canvas", "coated nylon"), ("1 person", "2 person", "4 person"), True),
        Kind("Sleeping bags", ("Sleeping Bag", "Quilt", "Bag Liner", "Sleeping Mat"), (25, 210),
             ("duck down", "hollow fibre", "brushed cotton"), ("Regular", "Long")),
        Kind("Camp kitchen", ("Camp Stove", "Mess Tin", "Kettle", "Folding Grill", "Enamel Mug"), (8, 95),
             ("anodised aluminium", "enamelled steel", "stainless steel")),
        Kind("Lanterns and torches", ("Lantern", "Head Torch", "Hand Torch", "Tent Light"), (12, 88),
             ("brass", "powder-coated steel", "recycled plastic"), (), True),
        Kind("Rucksacks", ("Rucksack", "Day Pack", "Dry Bag", "Hip Pack"), (24, 165),
             ("waxed cotton", "recycled nylon", "canvas"), ("20 litre", "35 litre", "55 litre"), True),
    )),
    Section("Walking", "Boots, layers and the map that gets you home.", (
        Kind("Boots", ("Walking Boot", "Trail Shoe", "Wellington", "Approach Shoe"), (49, 189),
             ("full-grain leather", "waxed suede", "natural rubber"), BOOTS, True),
        Kind("Jackets", ("Waterproof Jacket", "Fleece", "Wax Jacket", "Wind Shirt", "Gilet"), (39, 240),
             ("three-layer shell", "boiled wool", "waxed cotton"), CLOTHES, True),
        Kind("Socks and gloves", ("Hiking Sock", "Liner Glove", "Wool Mitten", "Gaiter"), (7, 45),
             ("merino wool", "lambswool", "bamboo yarn"), CLOTHES[:3], True),
        Kind("Maps and compasses", ("Walker's Map", "Plate Compass", "Map Case", "Altimeter"), (6, 120),
             ("tear-proof paper", "brass", "clear acrylic")),
        Kind("Walking poles", ("Trekking Pole", "Hazel Stick", "Folding Pole", "Pole Tip Set"), (9, 110),
             ("carbon fibre", "coppiced hazel", "aluminium"), ("110 cm", "125 cm")),
    )),
    Section("Garden tools", "Forged, turned and balanced to outlast the gardener.", (
        Kind("Spades and forks", ("Digging Spade", "Border Fork", "Hand Trowel", "Edging Iron", "Draw Hoe"), (11, 78),
             ("forged carbon steel", "stainless steel", "ash wood")),
        Kind("Pruning", ("Secateurs", "Lopper", "Hedge Shears", "Pruning Saw"), (14, 92),
             ("hardened steel", "carbon steel", "drop-forged alloy")),
        Kind("Watering", ("Watering Can", "Hose Reel", "Rain Butt", "Sprinkler"), (9, 130),
             ("galvanised steel", "recycled plastic", "copper"), ("Small", "Large"), True),
        Kind("Wheelbarrows", ("Wheelbarrow", "Garden Cart", "Leaf Trolley"), (58, 199),
             ("galvanised steel", "larch boards", "moulded rubber")),
        Kind("Gloves and aprons", ("Gardening Glove", "Tool Apron", "Kneeling Pad", "Gauntlet"), (8, 49),
             ("goatskin", "waxed canvas", "cotton drill"), CLOTHES[:3], True),
    )),
    Section("Plants and seeds", "Grown for a county of late frosts.", (
        Kind("Vegetable seeds", ("Runner Bean", "Beetroot", "Winter Kale", "Pumpkin", "Radish"), (2, 6),
             ("open-pollinated seed", "organic seed"), ("Packet", "Grower's pack")),
        Kind("Flower seeds", ("Cornflower", "Foxglove", "Sweet Pea", "Meadow Mix"), (2, 8),
             ("open-pollinated seed", "organic seed"), ("Packet", "Grower's pack")),
        Kind("Bulbs", ("Tulip", "Snowdrop", "Allium", "Narcissus"), (4, 19), ("graded bulbs",),
             ("10 bulbs", "50 bulbs")),
        Kind("Herbs", ("Thyme", "Marjoram", "Garden Mint", "Lovage"), (3, 9), ("peat-free compost",)),
        Kind("Compost and feed", ("Compost", "Seaweed Feed", "Leaf Mould", "Bark Mulch"), (5, 32),
             ("garden waste", "seaweed", "composted bark"), ("20 litre", "40 litre")),
    )),
    Section("Kitchen", "Good pans, sharp knives, plain plates.", (
        Kind("Pots and pans", ("Stock Pot", "Skillet", "Saucepan", "Casserole", "Griddle"), (22, 175),
             ("cast iron", "copper", "stainless steel"), ("20 cm", "24 cm", "28 cm")),
        Kind("Knives", ("Bread Knife", "Paring Knife", "Cook's Knife", "Cheese Knife"), (12, 119),
             ("carbon steel", "stainless steel")),
        Kind("Tableware", ("Dinner Plate", "Soup Bowl", "Serving Dish", "Water Jug", "Tea Bowl"), (6, 64),
             ("stoneware", "glazed earthenware", "pressed glass"), (), True),
        Kind("Baking", ("Loaf Tin", "Rolling Pin", "Proving Basket", "Cake Stand"), (7, 58),
             ("tinned steel", "beech", "cane")),
        Kind("Storage jars", ("Storage Jar", "Bread Bin", "Spice Tin", "Butter Dish"), (5, 52),
             ("pressed glass", "enamelled steel", "stoneware"), ("Small", "Medium", "Large")),
    )),
    Section("Lighting", "Warm light, from the workshops of Fernwick.", (
        Kind("Table lamps", ("Table Lamp", "Desk Lamp", "Bedside Lamp", "Reading Lamp"), (29, 185),
             ("turned oak", "brass", "glazed earthenware"), (), True),
        Kind("Pendant lights", ("Pendant", "Cluster Light", "Shade", "Chandelier"), (35, 320),
             ("spun copper", "woven willow", "opal glass"), ("25 cm", "40 cm")),
        Kind("Candles", ("Pillar Candle", "Taper Set", "Jar Candle", "Candlestick"), (4, 46),
             ("beeswax", "rapeseed wax", "brass"), (), True),
        Kind("Garden lights", ("Path Light", "Festoon String", "Wall Lantern", "Post Lamp"), (16, 140),
             ("galvanised steel", "brass", "weathered larch")),
        Kind("Light bulbs", ("Filament Bulb", "Globe Bulb", "Candle Bulb", "Dimmer Plug"), (4, 24),
             ("clear glass", "amber glass"), ("Screw", "Bayonet")),
    )),
    Section("Home textiles", "Woven, knitted and stuffed within forty miles.", (
        Kind("Blankets", ("Throw", "Wool Blanket", "Picnic Rug", "Bed Cover"), (28, 180),
             ("lambswool", "recycled wool", "brushed cotton"), ("Single", "Double"), True),
        Kind("Cushions", ("Cushion", "Bolster", "Floor Cushion", "Seat Pad"), (14, 75),
             ("linen", "corduroy", "felted wool"), (), True),
        Kind("Rugs", ("Rag Rug", "Runner", "Hearth Rug", "Door Mat"), (18, 260),
             ("undyed wool", "jute", "cotton rag"), ("60 x 120 cm", "120 x 180 cm")),
        Kind("Bed linen", ("Duvet Cover", "Fitted Sheet", "Pillowcase Pair"), (19, 140),
             ("washed linen", "organic cotton", "flannel"), ("Single", "Double", "King"), True),
        Kind("Towels", ("Bath Towel", "Hand Towel", "Tea Towel Pair", "Hammam Towel"), (7, 48),
             ("waffle cotton", "linen", "terry cotton"), (), True),
    )),
    Section("Furniture", "Solid wood, simple joints, flat parcels.", (
        Kind("Chairs", ("Dining Chair", "Rocking Chair", "Stool", "Folding Chair"), (45, 340),
             ("solid ash", "oiled oak", "bent beech"), (), True),
        Kind("Tables", ("Side Table", "Kitchen Table", "Trestle Table", "Writing Desk"), (69, 690),
             ("solid larch", "oiled oak", "reclaimed pine")),
        Kind("Shelves", ("Wall Shelf", "Bookcase", "Plate Rack", "Corner Shelf"), (25, 310),
             ("solid larch", "beech ply", "powder-coated steel"), ("60 cm", "90 cm")),
        Kind("Garden benches", ("Garden Bench", "Tree Seat", "Picnic Table", "Love Seat"), (110, 560),
             ("larch heartwood", "cast iron and oak", "oiled robinia")),
        Kind("Storage boxes", ("Blanket Box", "Log Basket", "Toy Chest", "Boot Box"), (22, 190),
             ("woven willow", "solid pine", "galvanised steel"), ("Small", "Large")),
    )),
)  # fmt: skip

BRANDS = (
    "Fellgate", "Oakhollow", "Brindle & Wray", "Tarnside", "Copperlea", "Marrowby", "Hearthling", "Windlestone",
    "Lowlark", "Skerrow", "Thornmere", "Quillfeather", "Dunmallow", "Ashcombe Works", "Pellow", "Grindlestone",
    "Mistlemoor", "Underhay", "Callow Forge", "Hobbin", "Wrenfield", "Stavely Row", "Mossgill", "Tallow & Twine",
)  # fmt: skip

SERIES = (
    "Drover", "Hollin", "Tarn", "Bracken", "Rowan", "Quarry", "Ember", "Thistle", "Gorse", "Alder", "Plover", "Dipper",
    "Curlew", "Harrow", "Sedge", "Lantern", "Orchard", "Millrace", "Cobble", "Hawthorn", "Juniper", "Beacon", "Ferry",
    "Kelda", "Sorrel", "Wayfarer", "Smithy", "Teasel", "Bramble", "Cairn", "Meadow", "Linnet", "Osprey", "Pebble",
    "Saltings", "Heron", "Fennel", "Copse", "Ridgeway", "Candlewick", "Larder", "Packhorse", "Shepherd", "Warren",
    "Yarrow", "Tansy", "Whin", "Byre", "Swale", "Tinder", "Lichen", "Burdock", "Cuckoo", "Dovecote", "Eider", "Furrow",
    "Gable", "Hayloft", "Ivy", "Jackdaw",
)  # fmt: skip

COLOURS = ("Moss", "Slate", "Rust", "Oat", "Midnight", "Heather", "Clay", "Fern")

PROMISES = (
    "Made in small batches and checked by hand before it leaves the workshop.",
    "Spare parts are kept for ten years.",
    "The finish darkens with use, as it should.",
    "Packed without plastic.",
    "Tested through a wet winter on Harrow Fell.",
    "A long-standing favourite of our Fernwick counter.",
    "Easy to clean: a damp cloth is all it wants.",
    "Lighter than it looks, and stronger.",
    "Comes with a five-year guarantee.",
    "Folds away to almost nothing.",
    "Works as well in a small flat as in a farmhouse.",
    "Give it a drop of oil each spring and it will see your children out.",
)

FIRST_NAMES = (
    "Agnes", "Alder", "Beatrix", "Bran", "Cecily", "Corin", "Dilys", "Edmund", "Effie", "Felix", "Greta", "Hal",
    "Imogen", "Ivo", "Jonas", "Kerra", "Laurie", "Lorna", "Magnus", "Merle", "Nell", "Orla", "Perry", "Quentin",
    "Rhoda", "Rufus", "Sable", "Selwyn", "Tamsin", "Ulla", "Verity", "Wilf", "Yvo", "Zelda",
)  # fmt: skip

LAST_NAMES = (
    "Ackroyd", "Barrow", "Birtwhistle", "Cardew", "Copperfield", "Dacre", "Elwood", "Fairhurst", "Garth", "Hexham",
    "Inchbald", "Jessop", "Kettlewell", "Lark", "Mossop", "Nightingale", "Orme", "Pascoe", "Quayle", "Rigby",
    "Sallow", "Thwaite", "Underwood", "Venn", "Wainwright", "Yarwood",
)  # fmt: skip

STREETS = (
    "Corn Square", "Ford Lane", "Lantern Street", "Mill Race", "Station Road", "Charter Row", "Tanner's Yard",
    "Sedge Bank", "Hospital Hill", "Chapel Brow", "Quay Street", "Orchard Close", "Sheepfold Lane", "Weavers' Court",
)  # fmt: skip

TOWNS = (("Fernwick", "LM1"), ("Port Callow", "LM4"), ("Sedgehead", "LM7"), ("Fernwick", "LM2"), ("Fernwick", "LM3"))

TITLES = {
    1: ("Sent it back", "Broke in a week", "Not as described", "A disappointment"),
    2: ("Expected better", "Rather flimsy", "Too small for me", "Looks better in the picture"),
    3: ("Does the job", "Fair for the price", "Mixed feelings", "Good, with a catch"),
    4: ("Very good", "Nearly perfect", "Pleased with it", "Solid and handsome"),
    5: ("Could not be happier", "Worth every penny", "The best I have owned", "Bought a second one"),
}

OPENERS = {
    1: ("I wanted to like this.", "It failed on the second day.", "Mine came with a crack.", "I regret this one."),
    2: ("It is usable, just.", "The idea is good, the making is not.", "I have had better for less."),
    3: ("Neither good nor bad.", "It does what it says and no more.", "A fair buy on a quiet week."),
    4: ("A good, honest thing.", "We have used it since autumn.", "It arrived early and well packed."),
    5: ("I use it every single day.", "My sister now wants one too.", "Ten out of ten.", "It has not let me down yet."),
}

DETAILS = (
    "The colour is a shade darker than the picture.", "It fits well in a small hand.", "It stood up to a week of rain.",
    "Assembly took ten minutes without tools.", "The stitching on one side is uneven.", "It weighs next to nothing.",
    "The instructions could be clearer.", "It makes no noise at all.", "It smells a little of oil at first.",
    "Delivery to Port Callow took four days.", "The battery lasted three evenings.", "It runs slightly large.",
    "The handle is just the right length.", "The lid does not close tightly.", "It is easy to clean.",
    "The box was damaged but not the contents.", "My neighbour asked where I got it.",
)  # fmt: skip

CLOSERS = {
    1: ("I asked for my money back.", "Avoid.", "The shop was kind about it at least."),
    2: ("I would not buy it again.", "Perhaps I had a bad one.", "It will do until I find another."),
    3: ("It will do.", "Wait for a sale.", "Think about what you need before you buy."),
    4: ("I would buy it again.", "Recommended.", "One star less for the packaging."),
    5: ("Buy it.", "Thank you, Larch & Lantern.", "I have nothing bad to say."),
}
