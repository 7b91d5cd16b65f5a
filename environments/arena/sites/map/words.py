"""Words from which places, streets and reviews are made. All are invented."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "ADJECTIVES",
    "BEASTS",
    "COMPLAINTS",
    "FIRST",
    "KINDS",
    "LANDMARKS",
    "LAST",
    "NOUNS",
    "PRAISE",
    "REMARKS",
    "STREETS",
    "Kind",
]


class Kind(NamedTuple):
    """A category of places. `share` is how many of a hundred places are of it; `hours` picks a timetable."""

    slug: str
    name: str
    plural: str
    group: str
    share: float
    hours: str
    names: tuple[str, ...]


KINDS: tuple[Kind, ...] = (
    Kind(
        "cafe",
        "Café",
        "Cafés",
        "Food & drink",
        9,
        "day",
        ("The {adj} {noun}", "{last}'s Coffee Room", "{noun} & Crumb", "Café {first}"),
    ),
    Kind(
        "pub",
        "Pub",
        "Pubs",
        "Food & drink",
        9,
        "evening",
        ("The {beast} & {noun}", "The {adj} {beast}", "The {last} Arms"),
    ),
    Kind(
        "restaurant",
        "Restaurant",
        "Restaurants",
        "Food & drink",
        8,
        "dinner",
        ("{last}'s Table", "The {noun} Kitchen", "{first} & {first2}", "The {adj} Plate"),
    ),
    Kind(
        "bakery",
        "Bakery",
        "Bakeries",
        "Food & drink",
        5,
        "early",
        ("{last} & Daughters Bakers", "The {adj} Loaf", "{noun} Lane Bakery"),
    ),
    Kind(
        "supermarket",
        "Supermarket",
        "Supermarkets",
        "Shops",
        4,
        "long",
        ("Hobbin Foods {street}", "Larder & Co {street}", "Fieldgate {street}"),
    ),
    Kind(
        "hardware",
        "Hardware shop",
        "Hardware shops",
        "Shops",
        3,
        "shop",
        ("{last} Ironmongers", "{noun} & Nail", "{last} & Sons Tools"),
    ),
    Kind("books", "Bookshop", "Bookshops", "Shops", 3, "shop", ("The {adj} Page", "{last} Books", "{beast} & Ink")),
    Kind(
        "bicycles",
        "Bicycle shop",
        "Bicycle shops",
        "Shops",
        3,
        "shop",
        ("{last} Cycles", "The {adj} Spoke", "{noun} Wheelwrights"),
    ),
    Kind("pharmacy", "Pharmacy", "Pharmacies", "Health", 4, "shop", ("{last} Pharmacy", "{street} Chemist")),
    Kind("doctor", "Doctor", "Doctors", "Health", 4, "office", ("{street} Surgery", "Dr {last}")),
    Kind("dentist", "Dentist", "Dentists", "Health", 3, "office", ("{last} Dental Practice", "{street} Dentists")),
    Kind("hospital", "Hospital", "Hospitals", "Health", 0.3, "always", ("{last} Cottage Hospital",)),
    Kind(
        "hotel",
        "Hotel",
        "Hotels",
        "Places to stay",
        4,
        "always",
        ("The {adj} {beast} Hotel", "{last} House Hotel", "Hotel {first}"),
    ),
    Kind(
        "campsite",
        "Campsite",
        "Campsites",
        "Places to stay",
        2,
        "always",
        ("{noun} Field Camping", "{last} Farm Campsite"),
    ),
    Kind("library", "Library", "Libraries", "Culture", 2, "office", ("{street} Library", "{last} Reading Room")),
    Kind(
        "museum",
        "Museum",
        "Museums",
        "Culture",
        3,
        "museum",
        ("{noun} Museum", "The {last} Collection", "Museum of the {noun}"),
    ),
    Kind("cinema", "Cinema", "Cinemas", "Culture", 1.5, "dinner", ("The {adj} Screen", "The {noun} Picture House")),
    Kind("school", "School", "Schools", "Services", 4, "school", ("{street} School", "{last} Primary School")),
    Kind("bank", "Bank", "Banks", "Services", 3, "office", ("Sedge Valley Bank {street}", "Weavers' Mutual {street}")),
    Kind("post", "Post office", "Post offices", "Services", 3, "shop", ("{street} Post Office",)),
    Kind(
        "fuel",
        "Petrol station",
        "Petrol stations",
        "Getting about",
        4,
        "long",
        ("{last} Garage", "Beacon Fuel {street}"),
    ),
    Kind(
        "charging",
        "Charging point",
        "Charging points",
        "Getting about",
        4,
        "always",
        ("Moorvolt {street}", "{street} Chargers"),
    ),
    Kind(
        "parking", "Car park", "Car parks", "Getting about", 5, "always", ("{street} Car Park", "{noun} Yard Parking")
    ),
    Kind("station", "Bus station", "Bus stations", "Getting about", 0, "long", ()),
    Kind("park", "Park", "Parks", "Outdoors", 4, "light", ("{last} Park", "{noun} Gardens", "{street} Green")),
    Kind(
        "viewpoint",
        "Viewpoint",
        "Viewpoints",
        "Outdoors",
        2,
        "always",
        ("{beast} Rock", "{last}'s Seat", "{noun} Lookout"),
    ),
    Kind("pool", "Swimming pool", "Swimming pools", "Outdoors", 1.5, "long", ("{street} Baths", "{last} Pool")),
    Kind("peak", "Hill", "Hills", "Outdoors", 0, "always", ()),
)

LANDMARKS: tuple[tuple[str, str, str, str], ...] = (
    ("Larchmoor County Hospital", "hospital", "Fernwick", "The county's largest hospital, with an emergency ward."),
    ("University of Fernwick", "school", "Fernwick", "Founded in 1921; the gardens are open to all."),
    (
        "Fernwick Lantern Works",
        "museum",
        "Fernwick",
        "Lanterns are still made here; there are tours of the glass floor.",
    ),
    ("Fernwick Central Library", "library", "Fernwick", "Three floors, with the county's archive on the top one."),
    ("Fernwick Bus Station", "station", "Fernwick", "Where the railway station was from 1863 to 1966."),
    ("Corn Square Car Park", "parking", "Fernwick", "Closed on market Saturdays until four."),
    ("Port Callow Bus Station", "station", "Port Callow", "Two minutes from the quay."),
    ("Callow Lighthouse", "viewpoint", "Port Callow", "Ninety-six steps and a windy gallery."),
    ("Sedgehead Car Park", "parking", "Sedgehead", "Where the usual way up Harrow Fell begins."),
    ("Castle Ness Tower", "viewpoint", "Castle Ness", "What is left of the castle."),
    ("Kelder Bridge Bus Station", "station", "Kelder Bridge", "Buses to the moors, four a day."),
    ("Oxley Hide", "viewpoint", "Oxley Marsh", "A wooden hide above the reed beds."),
)

ADJECTIVES = (
    "Copper", "Crooked", "Quiet", "Blue", "Wandering", "Gilded", "Salted", "Narrow", "Hidden", "Amber", "Idle", "Merry",
    "Paper", "Velvet", "Iron", "Speckled", "Northern", "Second", "Honest", "Drifting", "Scarlet", "Frosted",
)  # fmt: skip
NOUNS = (
    "Kettle", "Lantern", "Harrow", "Spoon", "Anchor", "Barrel", "Compass", "Thistle", "Acorn", "Millstone", "Basket",
    "Bellows", "Shuttle", "Lamp", "Bramble", "Teapot", "Plough", "Clock", "Rope", "Slate", "Saddle", "Fiddle",
)  # fmt: skip
BEASTS = (
    "Heron", "Badger", "Hare", "Otter", "Curlew", "Ram", "Magpie", "Pike", "Stoat", "Goose", "Wren", "Salmon", "Fox",
    "Plover", "Mule", "Kestrel", "Toad", "Hound",
)  # fmt: skip
FIRST = (
    "Agnes", "Bastian", "Clover", "Dorrit", "Elias", "Fenna", "Gideon", "Hester", "Isolde", "Jonas", "Kitty", "Lorenz",
    "Maud", "Ned", "Odile", "Percy", "Ragna", "Silas", "Tilda", "Ulric", "Vesper", "Winnie",
)  # fmt: skip
LAST = (
    "Abbot", "Bellweather", "Crake", "Dunning", "Ember", "Fallow", "Garside", "Hobday", "Inchbold", "Jessop", "Kell",
    "Lovage", "Mallory", "Norwood", "Orchard", "Peverell", "Quick", "Ransome", "Skene", "Tarrant", "Ullock", "Vickery",
    "Wetherby", "Yardley",
)  # fmt: skip
STREETS = (
    "Corn Square", "Mill Street", "Chapel Brow", "Weavers' Row", "Quay Street", "Station Road", "Orchard Close",
    "Sheepfold Lane", "Bridge Street", "Tanner's Yard", "Church Walk", "Priory Street", "Saltgate", "Fishergate",
    "Lantern Street", "Hospital Hill", "Beacon Rise", "Cooper's Lane", "Dyer Street", "Elm Terrace", "Foundry Road",
    "Goose Green", "Hawthorn Way", "Ironmonger Row", "Juniper Hill", "Kiln Lane", "Linden Avenue", "Meadowside",
    "Nettle Bank", "Old Market", "Paddock Road", "Quarry Street", "Rushey Lane", "Sedge Bank", "Thatcher's Row",
    "Union Street", "Vicarage Lane", "Wharf Road", "Yew Tree Close", "Almond Street", "Bellfounder Street",
    "Candle Lane",
)  # fmt: skip

PRAISE = (
    "Worth the detour, every time.", "Friendly people who know what they are doing.",
    "We came in from the rain and stayed two hours.", "Clean, quiet and easy to find.",
    "My mother, who likes nothing, liked it.", "Fair prices, and they remember your name.",
    "The best of its kind this side of the river.", "Plenty of room to leave a bicycle.",
)  # fmt: skip
REMARKS = (
    "Does what it should, no more.", "Fine on a weekday, crowded on Saturdays.", 
    "The sign is easy to miss from the road.",
    "Good, though the heating could not be found.", "Parking is round the back, past the bins.",
    "Bring coins, the machine is broken.", "Half of it was shut for repairs when we came.",
)  # fmt: skip
COMPLAINTS = (
    "Closed early without a notice on the door.", "Waited half an hour, then gave up.", "The map put us in a field.",
    "Noise from the road all day.", "Prices went up and the quality did not.", "Nobody picks up the telephone.",
)  # fmt: skip
