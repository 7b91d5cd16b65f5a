"""Articles on the county's towns and villages."""

from __future__ import annotations

from environments.arena.sites.wiki.entry import Article

__all__ = ["PLACES"]


def place(title: str, facts: str, body: str) -> Article:
    """`facts` are inhabitants, postcode, first mention and market day, parted by semicolons; `-` is left out."""
    names = ("Inhabitants (2021)", "Postcode", "First mentioned", "Market day")
    known = [(name, fact.strip()) for name, fact in zip(names, facts.split(";"), strict=True) if fact.strip() != "-"]
    return Article(title, "places", "\n".join(f"| {name} | {fact}" for name, fact in known) + "\n\n" + body)


PLACES: tuple[Article, ...] = (
    Article(
        "Larchmoor County",
        "places",
        """| County town | Fernwick
| Area | 2,310 square kilometres
| Inhabitants (2021) | 184,000
| Highest point | Harrow Fell, 742 metres

Larchmoor is a county between the moors and the sea. Its county town is [[Fernwick]]; other towns are [[Port Callow]],
[[Ashcombe]], [[Marlstead]], [[Kelder Bridge]] and [[Dunmallow]].

== Nature

The north is moorland, the south is drained by the [[River Sedge]]. The highest point is [[Harrow Fell]].

== Getting about

The [[Larchmoor Expressway]] and the [[Sedge Road]] run from north to south. There are no trains any more; see
[[Larchmoor Railway]].""",
    ),
    place(
        "Fernwick",
        "61,400; LM1; 1284; Saturday",
        """Fernwick is the county town of [[Larchmoor County]]. It lies on both banks of the [[River Sedge]].

== History

The town grew around a ford. The [[Charter of 1284]] gave it the right to hold a market, which is still held in Corn
Square. The railway came in 1863 and left in 1966. The [[Great Flood]] of 1847 carried away two of its three bridges.

== Economy

The largest employers are the county hospital, the [[Lantern Works]] and the [[University of Fernwick]], founded in
1921.

== Events

The [[Lantern Parade]] is held on the last Saturday of November.""",
    ),
    place(
        "Port Callow",
        "23,800; LM4; 1190; Wednesday",
        """Port Callow is the harbour town of [[Larchmoor County]], at the mouth of the [[River Sedge]]. Its east mole
was built in 1871 by [[Tobias Wrackett]] and is 640 metres long.

== Economy

Fishing fell from 96 boats in 1910 to 14 today. The [[Callow Kipper]] is smoked in two yards behind the quay.""",
    ),
    place(
        "Ashcombe",
        "14,200; LM5; 1226; Friday",
        """Ashcombe is the market town of the western farms and stands at the end of the [[Great West Road]]. Its wool
hall of 1611 is now the town library. [[Ashcombe Blue]] has been made here since 1889.""",
    ),
    place(
        "Marlstead",
        "11,900; LM6; 1302; Tuesday",
        """Marlstead is a town of red brick, made from its own clay. The last kiln went out in 1979; the chimney of 52
metres still stands. The poet [[Isolde Farrant]] was born here.""",
    ),
    place(
        "Kelder Bridge",
        "9,700; LM3; 1348; -",
        """Kelder Bridge is a mill town at the last bridge before the moors. The bridge has five arches and was built in
1742. The [[Kelder Dye Works]] gave work to 900 people in 1900.""",
    ),
    place(
        "Dunmallow",
        "7,400; LM8; 1251; Thursday",
        """Dunmallow is known for its sheep fairs, in May and in September, and for a high street of 1.4 kilometres. It
is reached from [[Fernwick]] by the [[Wool Road]].""",
    ),
    place(
        "Wrenfold",
        "6,300; LM9; 1277; -",
        """Wrenfold is a village of orchards. [[Wrenfold Cider]] is pressed by four farms. The [[Old Railway Path]] runs
through the former station, which is a tea room.""",
    ),
    place(
        "Saltby",
        "5,600; LM4; 1086; -",
        """Saltby lies on flat sands. Up to 12,000 geese winter on [[Callow Bay]]. Salt was boiled here until 1794.""",
    ),
    place(
        "Millham",
        "5,200; LM6; 1219; -",
        """Millham had three watermills; Middle Mill, of 1688, still turns and sells flour on Sundays. See
[[Millham Loaf]].""",
    ),
    place(
        "Oxley Marsh",
        "4,100; LM4; 1420; -",
        """Oxley Marsh is built partly on stilts. Its bird reserve, the [[Oxley Reserve]], was opened in 1934.""",
    ),
    place(
        "Eastwold",
        "3,600; LM8; 1310; -",
        """Eastwold is the easternmost village of [[Larchmoor County]]. The astronomer [[Ephraim Tolliver]] built his
observatory on the hill above it in 1821.""",
    ),
    place(
        "Stonecross",
        "3,200; LM5; 1333; -",
        """Stonecross stands where four old roads meet. The cross is a copy of 1902; the original is in the county
museum in [[Fernwick]].""",
    ),
    place(
        "Brackenby",
        "2,750; LM9; 1265; -",
        """Brackenby lies on a heath where [[Larchmoor Pony]] herds graze. Its windmill of 1803 lost its sails in the
gale of 1921.""",
    ),
    place(
        "Tarnwick",
        "2,300; LM7; 1294; -",
        """Tarnwick is built round [[Tarnwick Water]], a small deep lake. A boat race is held on it on the first Sunday
of August.""",
    ),
    place(
        "Castle Ness",
        "2,050; LM6; 1175; -",
        """Castle Ness is a village above the sea, below a ruined tower. See [[Ness Tower]].""",
    ),
    place(
        "Nether Pell",
        "1,900; LM7; 1398; -",
        """Nether Pell lies in a steep valley on the [[Pell Beck]]. Its roofs are of local slate. Slate was cut until
1951.""",
    ),
    place(
        "Withy Green",
        "1,700; LM9; 1371; -",
        """Withy Green is a village of basket makers; seven workshops were counted in 2020. It was the home of
[[Hester Lowe]].""",
    ),
    place(
        "Lark Hill",
        "1,450; LM2; 1840; -",
        """Lark Hill is a village of allotments with a view over [[Fernwick]]. It was laid out in 1840 for the workers
of the [[Lantern Works]].""",
    ),
    place(
        "Sedgehead",
        "1,260; LM7; 1403; -",
        """Sedgehead is the usual start of the way up [[Harrow Fell]], and the northern end of the [[Sedge Way]]. The
walkers' hut has 28 beds.""",
    ),
    place(
        "Penfold",
        "1,250; LM3; 1289; -",
        """Penfold has a green, a pond and two chapels, which were built in 1834 and 1836 by brothers who had fallen
out.""",
    ),
    place(
        "Gorsebank",
        "1,100; LM7; 1455; -",
        """Gorsebank is a village of beekeepers at the edge of the moor. [[Heather Honey]] is sold at every second
gate.""",
    ),
    place(
        "Ferry Hythe",
        "980; LM4; 1201; -",
        """Ferry Hythe had a ferry until 1958; see [[Hythe Ferry]]. The inn beside the landing is still open.""",
    ),
    place(
        "Cray's End",
        "890; LM5; 1466; -",
        """The road from [[Ashcombe]] ends at Cray's End. The pilot [[Winifred Sorrel]] took off from its common in
1929.""",
    ),
    place(
        "Harrowgill",
        "780; LM7; 1480; -",
        """Harrowgill is a hamlet of farms under the western side of [[Harrow Fell]]. Eleven of its farms keep
sheep.""",
    ),
    place(
        "Upper Pell",
        "640; LM7; 1412; -",
        """Upper Pell has the highest church of [[Larchmoor County]], at 391 metres. The [[Pell Beck]] rises behind
it.""",
    ),
    place(
        "Quarr",
        "520; LM8; 1655; -",
        """Quarr is a hamlet of old quarrymen's cottages. The quarry closed in 1932, nine years after the
[[Quarr Strike]].""",
    ),
)
