"""Larchmoor County as the map knows it: towns, roads, river and coast. The same at every seed; the wiki agrees with it.

Coordinates are kilometres east and north of the county's south-western corner.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COAST", "FELL", "HEIGHT", "MOORS", "RIVER", "ROADS", "TOWNS", "WIDTH", "WOODS", "Road", "Town"]

WIDTH, HEIGHT = 52.0, 46.0


class Town(NamedTuple):
    """A settlement. `inhabitants` are those of the census of 2021."""

    name: str
    kind: str
    inhabitants: int
    x: float
    y: float
    postcode: str
    about: str


TOWNS: tuple[Town, ...] = (
    Town("Fernwick", "town", 61_400, 28.0, 22.0, "LM1", "The county town, on both banks of the River Sedge."),
    Town("Port Callow", "town", 23_800, 36.0, 4.5, "LM4", "Harbour town at the mouth of the River Sedge."),
    Town("Ashcombe", "town", 14_200, 14.0, 24.0, "LM5", "Market town of the western farms."),
    Town("Marlstead", "town", 11_900, 42.0, 20.5, "LM6", "Brick town on the road to the coast."),
    Town("Kelder Bridge", "town", 9_700, 28.5, 30.0, "LM3", "Mill town at the last bridge before the moors."),
    Town("Dunmallow", "town", 7_400, 38.0, 33.0, "LM8", "Sheep fairs and a long high street."),
    Town("Wrenfold", "village", 6_300, 20.0, 15.0, "LM9", "Orchards, cider and a railway that is gone."),
    Town("Saltby", "village", 5_600, 46.0, 9.0, "LM4", "Flat sands and winter geese."),
    Town("Millham", "village", 5_200, 34.5, 16.0, "LM6", "Three watermills, one of which still turns."),
    Town("Oxley Marsh", "village", 4_100, 30.0, 9.0, "LM4", "Houses on stilts and a bird reserve."),
    Town("Eastwold", "village", 3_600, 46.0, 27.0, "LM8", "The easternmost village of the county."),
    Town("Stonecross", "village", 3_200, 21.5, 27.5, "LM5", "Where four old roads meet."),
    Town("Brackenby", "village", 2_750, 11.0, 14.0, "LM9", "Heath, ponies and a windmill."),
    Town("Tarnwick", "village", 2_300, 32.5, 39.0, "LM7", "A village round a small deep lake."),
    Town("Castle Ness", "village", 2_050, 48.5, 15.0, "LM6", "A ruined tower above the sea."),
    Town("Nether Pell", "village", 1_900, 10.0, 33.0, "LM7", "Slate roofs in a steep valley."),
    Town("Withy Green", "village", 1_700, 24.0, 10.0, "LM9", "Basket makers and wet meadows."),
    Town("Lark Hill", "village", 1_450, 23.5, 18.5, "LM2", "Allotments and a view over Fernwick."),
    Town("Sedgehead", "village", 1_260, 24.0, 38.0, "LM7", "Start of the way up Harrow Fell."),
    Town("Penfold", "village", 1_250, 33.5, 26.0, "LM3", "A green, a pond and two chapels."),
    Town("Gorsebank", "village", 1_100, 16.0, 33.0, "LM7", "Beekeepers at the edge of the moor."),
    Town("Ferry Hythe", "village", 980, 39.5, 9.5, "LM4", "The ferry stopped in 1958, the inn did not."),
    Town("Cray's End", "village", 890, 6.0, 19.0, "LM5", "The road from Ashcombe ends here."),
    Town("Harrowgill", "hamlet", 780, 18.5, 41.0, "LM7", "Farms under the western side of Harrow Fell."),
    Town("Upper Pell", "hamlet", 640, 6.5, 37.0, "LM7", "The highest church of the county."),
    Town("Quarr", "hamlet", 520, 42.5, 38.5, "LM8", "Cottages of the old quarrymen."),
)

FELL = ("Harrow Fell", 742, 21.6, 43.4)
"""The highest hill: name, metres, place."""


class Road(NamedTuple):
    """A road through towns, in order."""

    ref: str
    name: str
    kind: str
    """trunk, main, secondary, lane, track (walking and cycling) or fell (walking)."""
    towns: tuple[str, ...]


ROADS: tuple[Road, ...] = (
    Road("T1", "Larchmoor Expressway", "trunk", ("Kelder Bridge", "Millham", "Port Callow")),
    Road("A7", "Sedge Road", "main", ("Port Callow", "Oxley Marsh", "Fernwick", "Kelder Bridge", "Sedgehead")),
    Road("A70", "Great West Road", "main", ("Ashcombe", "Fernwick")),
    Road("A71", "Marl Road", "main", ("Fernwick", "Marlstead")),
    Road("A72", "Coast Road", "main", ("Port Callow", "Ferry Hythe", "Saltby", "Castle Ness", "Marlstead")),
    Road("A76", "Wool Road", "main", ("Fernwick", "Penfold", "Dunmallow")),
    Road("B401", "Orchard Road", "secondary", ("Fernwick", "Lark Hill", "Wrenfold", "Brackenby")),
    Road("B402", "Cray Road", "secondary", ("Ashcombe", "Cray's End")),
    Road("B403", "Pell Road", "secondary", ("Ashcombe", "Nether Pell", "Upper Pell")),
    Road("B405", "Crossways", "secondary", ("Ashcombe", "Stonecross", "Kelder Bridge")),
    Road("B406", "Tarn Road", "secondary", ("Dunmallow", "Tarnwick", "Sedgehead")),
    Road("B407", "Eastwold Road", "secondary", ("Dunmallow", "Eastwold", "Marlstead")),
    Road("B408", "Mill Road", "secondary", ("Fernwick", "Millham", "Marlstead")),
    Road("B409", "Withy Road", "secondary", ("Wrenfold", "Withy Green", "Oxley Marsh")),
    Road("B410", "Hythe Road", "secondary", ("Millham", "Ferry Hythe")),
    Road("B411", "Heath Road", "secondary", ("Ashcombe", "Brackenby")),
    Road("", "Stonecross Lane", "lane", ("Fernwick", "Stonecross", "Gorsebank")),
    Road("", "Beekeepers' Lane", "lane", ("Nether Pell", "Gorsebank", "Sedgehead")),
    Road("", "Gill Lane", "lane", ("Sedgehead", "Harrowgill")),
    Road("", "Corpse Road", "lane", ("Harrowgill", "Upper Pell")),
    Road("", "Quarry Lane", "lane", ("Dunmallow", "Quarr", "Tarnwick")),
    Road("", "Dyke Lane", "lane", ("Oxley Marsh", "Ferry Hythe")),
    Road("", "Drovers' Lane", "lane", ("Kelder Bridge", "Dunmallow")),
    Road("", "Meadow Lane", "lane", ("Lark Hill", "Withy Green")),
    Road("", "Heather Lane", "lane", ("Cray's End", "Brackenby")),
    Road("", "Pond Lane", "lane", ("Penfold", "Kelder Bridge")),
    Road("", "Wold Lane", "lane", ("Eastwold", "Castle Ness")),
    Road("", "Sedge Way", "track", ("Sedgehead", "Kelder Bridge", "Fernwick", "Oxley Marsh", "Port Callow")),
    Road("", "Old Railway Path", "track", ("Fernwick", "Wrenfold", "Brackenby")),
    Road("", "Fell Path", "fell", ("Sedgehead", "Harrow Fell", "Harrowgill")),
)

RIVER = (
    (21.8, 43.0), (22.9, 41.2), (22.4, 39.8), (23.8, 38.4), (25.4, 37.2), (24.9, 35.0), (26.9, 33.6), (26.6, 31.6),
    (28.4, 30.1), (30.1, 28.7), (29.0, 26.6), (26.9, 25.4), (27.2, 23.4), (28.2, 21.8), (29.9, 20.3), (28.9, 18.0),
    (30.6, 16.1), (28.6, 13.6), (29.4, 11.2), (30.6, 9.2), (33.0, 8.0), (32.9, 6.4), (35.2, 5.4), (36.4, 3.4),
)  # fmt: skip
COAST = (
    (0.0, 3.6), (4.0, 4.8), (9.0, 5.2), (13.0, 4.2), (18.0, 4.9), (23.0, 3.9), (28.0, 4.6), (32.0, 3.5), (35.0, 3.3),
    (36.6, 3.6), (38.0, 2.7), (41.0, 4.6), (44.5, 5.4), (47.6, 7.4), (48.0, 10.4), (47.6, 12.6), (50.4, 14.2),
    (50.0, 17.6), (49.0, 20.6), (50.6, 24.6), (49.8, 29.0), (51.2, 33.0), (50.6, 38.0), (52.0, 42.0),
)  # fmt: skip
"""From west to east; what lies south and east of it is sea."""

MOORS = (
    ((4.0, 38.5), (10.0, 37.0), (15.0, 39.0), (19.0, 37.8), (23.0, 40.5), (26.0, 41.0), (27.0, 44.5), (15.0, 45.2),
     (5.0, 44.0)),
    ((27.5, 41.5), (31.0, 41.2), (37.0, 39.5), (41.0, 41.0), (47.0, 41.5), (44.0, 44.8), (30.0, 45.0)),
)  # fmt: skip
WOODS = (
    ((15.0, 18.0), (18.5, 17.6), (20.0, 20.5), (17.6, 22.4), (14.8, 21.0)),
    ((35.5, 22.2), (38.8, 22.8), (39.6, 25.6), (36.4, 26.4)),
    ((31.2, 33.0), (34.4, 33.6), (34.8, 36.8), (31.6, 36.4)),
    ((39.0, 12.6), (43.0, 13.0), (43.6, 16.0), (40.2, 16.6)),
    ((4.5, 26.0), (8.0, 25.4), (9.4, 29.4), (5.6, 30.2)),
)  # fmt: skip
