"""Articles on people. All of them are invented."""

from __future__ import annotations

from environments.arena.sites.wiki.entry import Article

__all__ = ["PEOPLE"]


def person(title: str, facts: str, body: str) -> Article:
    """`facts`: year and place of birth, year and place of death."""
    born, born_in, died, died_in = (fact.strip() for fact in facts.split(";"))
    return Article(title, "people", f"| Born | {born}, {born_in}\n| Died | {died}, {died_in}\n\n{body}")


PEOPLE: tuple[Article, ...] = (
    person(
        "Ambrose Keddle",
        "1731; Sedgehead; 1802; Fernwick",
        """Ambrose Keddle was a doctor and naturalist. He climbed [[Harrow Fell]] in 1768 and described the [[Tarn
Char]] in 1774. His herbarium of 3,140 sheets belongs to the [[University of Fernwick]].""",
    ),
    person(
        "Ephraim Tolliver",
        "1779; Dunmallow; 1851; Eastwold",
        """Ephraim Tolliver was a draper and astronomer. He built an observatory at [[Eastwold]] in 1821 and found two
comets, in 1826 and in 1839.""",
    ),
    person(
        "Josiah Penn Albright",
        "1808; Kelder Bridge; 1883; Lark Hill",
        """Josiah Penn Albright founded the [[Lantern Works]] in 1836 and had [[Lark Hill]] laid out for its
workers.""",
    ),
    person(
        "Tobias Wrackett",
        "1822; Port Callow; 1894; Port Callow",
        """Tobias Wrackett was an engineer. He built the east mole of [[Port Callow]] and four viaducts of the
[[Larchmoor Railway]].""",
    ),
    person(
        "Isolde Farrant",
        "1868; Marlstead; 1941; Castle Ness",
        """Isolde Farrant was a poet. “The Brick Year” (1897) made her known; “Ness Letters” (1926) was her ninth and
last book.""",
    ),
    person(
        "Hester Lowe",
        "1889; Withy Green; 1972; Oxley Marsh",
        """Hester Lowe was a basket maker and a watcher of birds. She founded the [[Oxley Reserve]] in 1934 and was its
warden for 27 years.""",
    ),
    person(
        "Winifred Sorrel",
        "1901; Ashcombe; 1988; Fernwick",
        """Winifred Sorrel was a pilot. In 1929 she flew from [[Cray's End]] to the northern islands in 7 hours and 40
minutes, the first to do so.""",
    ),
    person(
        "Dorcas Brindle",
        "1884; Quarr; 1959; Dunmallow",
        """Dorcas Brindle led the [[Quarr Strike]] and sat in the county council from 1925 to 1949.""",
    ),
)
