"""Articles on roads and railways, food and drink, and history."""

from __future__ import annotations

from environments.arena.sites.wiki.entry import Article

__all__ = ["WORKS"]

WORKS: tuple[Article, ...] = (
    Article(
        "Sedge Road",
        "transport",
        """The Sedge Road, or A7, leads from [[Port Callow]] by [[Oxley Marsh]], [[Fernwick]] and [[Kelder Bridge]] to
[[Sedgehead]]. It follows the [[River Sedge]] and was a turnpike from 1756 to 1873.""",
    ),
    Article(
        "Larchmoor Expressway",
        "transport",
        """The Larchmoor Expressway, or T1, leads from [[Kelder Bridge]] by [[Millham]] to [[Port Callow]]. It was
opened in 1974. Bicycles may not use it.""",
    ),
    Article(
        "Great West Road",
        "transport",
        """The Great West Road, or A70, joins [[Ashcombe]] and [[Fernwick]]. Its milestones, of 1789, give distances in
leagues.""",
    ),
    Article(
        "Wool Road",
        "transport",
        """The Wool Road, or A76, leads from [[Fernwick]] by [[Penfold]] to [[Dunmallow]]. Packhorses carried wool
along it until 1812.""",
    ),
    Article(
        "Sedge Way",
        "transport",
        """The Sedge Way is a path for walking and cycling from [[Sedgehead]] to [[Port Callow]], by [[Kelder Bridge]],
[[Fernwick]] and [[Oxley Marsh]]. It was finished in 2004.""",
    ),
    Article(
        "Old Railway Path",
        "transport",
        """The Old Railway Path leads from [[Fernwick]] by [[Wrenfold]] to [[Brackenby]], for walking and cycling. It
uses the bed of a branch of the [[Larchmoor Railway]] and was opened in 1983.""",
    ),
    Article(
        "Larchmoor Railway",
        "transport",
        """| Opened | 1863
| Closed | 1966
| Greatest length | 74 kilometres

The Larchmoor Railway joined [[Fernwick]] with the world from 1863. [[Tobias Wrackett]] built four of its viaducts. The
branch to [[Brackenby]] closed in 1957, the rest in 1966.""",
    ),
    Article(
        "Hythe Ferry",
        "transport",
        """| Ran | 1201 to 1958
| Last fare | fourpence

The Hythe Ferry crossed the Sedge marshes at [[Ferry Hythe]]. Its last boat, the Patient Annie, hangs from the ceiling
of the inn.""",
    ),
    Article(
        "Callow Kipper",
        "food",
        """The Callow kipper is a herring smoked over oak and gorse for 18 hours. It is made in [[Port Callow]] in two
yards, of which the older dates from 1858.""",
    ),
    Article(
        "Ashcombe Blue",
        "food",
        """Ashcombe Blue is a cheese of cow's milk, ripened for 11 weeks in the cellars of the wool hall of
[[Ashcombe]]. It was first made by Keziah Holt in 1889.""",
    ),
    Article(
        "Wrenfold Cider",
        "food",
        """Wrenfold cider is pressed in [[Wrenfold]] from the apples Old Grumble and Maiden's Ear. It has 6.5 per cent
of alcohol and is drunk from mugs with two handles.""",
    ),
    Article(
        "Millham Loaf",
        "food",
        """The Millham loaf weighs 900 grams and is made of rye and wheat from the Middle Mill of [[Millham]]. It is
marked with three strokes, one for each mill.""",
    ),
    Article(
        "Heather Honey",
        "food",
        """Heather honey comes from hives that are carried to the moor above [[Gorsebank]] in August. A good hive
gives 14 kilograms.""",
    ),
    Article(
        "Marsh Samphire Pie",
        "food",
        """Marsh samphire pie is a dish of [[Oxley Marsh]] and [[Saltby]], eaten at Whitsun. It holds samphire, eggs and
smoked eel under a crust of lard.""",
    ),
    Article(
        "Charter of 1284",
        "history",
        """The charter of 1284 gave [[Fernwick]] the right to hold a market on every Saturday and a fair of three days
in June. It has hung in the town hall since 1611 and has one spelling mistake.""",
    ),
    Article(
        "Great Flood",
        "history",
        """| Date | 9 February 1847
| Dead | 37

After eleven days of rain the [[River Sedge]] rose by 5.8 metres in [[Fernwick]]. Two of the three bridges fell. The
five arches of [[Kelder Bridge]] stood.""",
    ),
    Article(
        "Lantern Works",
        "history",
        """| Founded | 1836
| Founder | Josiah Penn Albright
| Employees (2021) | 640

The Lantern Works in [[Fernwick]] were founded by [[Josiah Penn Albright]]. They made lamps for ships and mines, and
make lights for bicycles today.""",
    ),
    Article(
        "Lantern Parade",
        "history",
        """The Lantern Parade of [[Fernwick]] has been held since 1888, on the last Saturday of November. It leads from
the [[Lantern Works]] to Corn Square. It was called off twice, in 1916 and in 1962.""",
    ),
    Article(
        "University of Fernwick",
        "history",
        """| Founded | 1921
| Students (2021) | 5,300

The University of Fernwick began with 84 students in a former brewery. It keeps the herbarium of [[Ambrose Keddle]].""",
    ),
    Article(
        "Kelder Dye Works",
        "history",
        """| Founded | 1779
| Closed | 1986

The dye works of [[Kelder Bridge]] were known for Kelder Green, a colour whose recipe was lost in the fire of 1904.""",
    ),
    Article(
        "Ness Tower",
        "history",
        """Ness Tower stands above [[Castle Ness]]. It was built in 1175, blown up in 1645 and is 19 metres high where
it is highest. [[Isolde Farrant]] lived in the cottage below.""",
    ),
    Article(
        "Quarr Strike",
        "history",
        """| Began | 4 June 1923
| Ended | 18 December 1923
| Strikers | 310

The strike at [[Quarr]] was led by [[Dorcas Brindle]]. The quarrymen won a day of eight hours.""",
    ),
)
