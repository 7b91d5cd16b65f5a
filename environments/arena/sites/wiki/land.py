"""Articles on rivers, hills, animals and plants."""

from __future__ import annotations

from environments.arena.sites.wiki.entry import Article

__all__ = ["LAND"]

LAND: tuple[Article, ...] = (
    Article(
        "River Sedge",
        "nature",
        """| Length | 118 kilometres
| Source | Harrow Fell
| Mouth | Port Callow

The River Sedge rises on [[Harrow Fell]], passes [[Sedgehead]], [[Kelder Bridge]] and [[Fernwick]] and reaches the sea
at [[Port Callow]].

== Floods

The worst was the [[Great Flood]]. The weir in Fernwick was rebuilt after it.""",
    ),
    Article(
        "Harrow Fell",
        "nature",
        """| Height | 742 metres
| First recorded ascent | 1768

Harrow Fell is the highest hill of [[Larchmoor County]]. The usual way up begins at the [[Sedgehead]] car park and takes
about three hours. The cairn on the top was begun by [[Ambrose Keddle]] in 1768.""",
    ),
    Article(
        "Tarnwick Water",
        "nature",
        """| Depth | 63 metres
| Area | 41 hectares

Tarnwick Water is the lake in the middle of [[Tarnwick]]. It is the only home of the [[Tarn Char]].""",
    ),
    Article(
        "Pell Beck",
        "nature",
        """| Length | 31 kilometres
| Source | behind Upper Pell

The Pell Beck rises behind [[Upper Pell]] and runs through [[Nether Pell]]. Its twelve small falls are called the Pell
Stairs.""",
    ),
    Article(
        "Callow Bay",
        "nature",
        """| Area | 57 square kilometres
| Tidal range | 6.2 metres

Callow Bay lies between [[Port Callow]] and [[Saltby]]. It may be crossed on foot at low water, with a guide only.""",
    ),
    Article(
        "Oxley Reserve",
        "nature",
        """| Opened | 1934
| Area | 312 hectares
| Hides | 5

The Oxley Reserve, in [[Oxley Marsh]], was founded by [[Hester Lowe]]. Its emblem is the [[Marsh Curlew]]. It is closed
on Mondays from March to June.""",
    ),
    Article(
        "Marsh Curlew",
        "nature",
        """The marsh curlew breeds in wet meadows. The county counted 212 pairs in 1990 and 87 in 2023; 40 of these were
in the [[Oxley Reserve]].""",
    ),
    Article(
        "Larchmoor Pony",
        "nature",
        """The Larchmoor pony stands 12 hands high at most. About 430 live on the heath round [[Brackenby]]. They are
gathered on the second Saturday of October.""",
    ),
    Article(
        "Tarn Char",
        "nature",
        """The tarn char is a fish that lives in [[Tarnwick Water]] alone. It was described by [[Ambrose Keddle]] in
1774. Fishing for it has been forbidden since 1968.""",
    ),
)
