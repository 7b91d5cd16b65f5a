"""A shop's category page, the same bytes every time: the large page of the benchmark."""

from __future__ import annotations

import random

__all__ = ["CARDS", "MORE_CARDS", "shop_page"]

CARDS = 152
"""With these many products the page has about 3,400 DOM nodes: elements and texts, as a TreeWalker counts them."""
MORE_CARDS = 240
"""With these many it has 3,400 elements, which is what `document.querySelectorAll("*")` counts."""

KINDS = ("Kettle", "Lamp", "Chair", "Desk", "Mirror", "Carpet", "Shelf", "Clock", "Vase", "Blanket")
LOOKS = ("Oak", "Walnut", "Steel", "Linen", "Copper", "Marble", "Cotton", "Glass", "Bamboo", "Ceramic")
MAKERS = ("Northfield", "Halden", "Brookside", "Corvina", "Ostrander")
BADGES = ("", "", "", "Sale", "New", "Last one")
MENU = ("Home", "Furniture", "Kitchen", "Lighting", "Textiles", "Garden", "Gifts", "Help", "Account")

STYLE = """
body{font:14px sans-serif;margin:0} header{display:flex;gap:12px;padding:8px;border-bottom:1px solid #ccc}
main{display:flex} aside{width:200px;padding:8px} aside label{display:block}
.grid{display:grid;grid-template-columns:repeat(4,1fr);gap:12px;flex:1;padding:8px}
.card{border:1px solid #ddd;padding:8px} .old{text-decoration:line-through;color:#777} .swatch{border:1px solid #999}
"""
SCRIPT = """
let count = 0;
for (const button of document.querySelectorAll(".add")) {
  let own = 0;
  button.addEventListener("click", () => {
    button.textContent = `In cart (${++own})`;
    document.getElementById("cart").textContent = `Cart: ${++count} items`;
  });
}
"""


def shop_page(cards: int = CARDS) -> str:
    """The page as HTML, without blank texts between its elements."""
    rng = random.Random(7)
    menu = "".join(f'<li><a href="#{name.lower()}">{name}</a></li>' for name in MENU)
    field = '<input type="search" placeholder="Search the shop">'
    search = f'<form role="search" onsubmit="return false">{field}<button>Search</button></form>'
    header = f'<header><nav><ul>{menu}</ul></nav>{search}<a id="cart" href="#cart">Cart: 0 items</a></header>'
    grid = "".join(_card(number, rng) for number in range(1, cards + 1))
    pages = "".join(f'<a href="#page{n}">{n}</a>' for n in range(1, 10))
    main = f"<main><aside>{_filters()}</aside><section><h1>Everything for the house</h1><p>{cards} products</p>"
    main += f'{_sorting()}<div class="grid">{grid}</div><nav aria-label="Pages">{pages}</nav></section></main>'
    head = f'<meta charset="utf-8"><title>House and home</title><style>{STYLE}</style>'
    return (
        f'<!doctype html><html lang="en"><head>{head}</head><body>{header}{main}<script>{SCRIPT}</script></body></html>'
    )


def _filters() -> str:
    boxes = [("Maker", MAKERS), ("Material", LOOKS), ("Kind", KINDS)]
    return "".join(
        f"<fieldset><legend>{title}</legend>"
        + "".join(f'<label><input type="checkbox" name="{title.lower()}" value="{v}"> {v}</label>' for v in values)
        + "</fieldset>"
        for title, values in boxes
    )


def _sorting() -> str:
    options = "".join(
        f"<option>{text}</option>" for text in ("Best match", "Price, low to high", "Price, high to low", "Newest")
    )
    return f'<label>Sort by <select id="sort">{options}</select></label>'


def _card(number: int, rng: random.Random) -> str:
    name = f"{rng.choice(LOOKS)} {rng.choice(KINDS)} {number}"
    price, stars, reviews = rng.randrange(900, 19900) / 100, rng.randrange(20, 51) / 10, rng.randrange(3, 900)
    badge = rng.choice(BADGES)
    old = f'<span class="old">${price * 1.25:.2f}</span>' if badge == "Sale" else ""
    return (
        f'<article class="card"><a href="#p{number}"><div class="photo"></div><h3>{name}</h3></a>'
        f'<p class="maker">{rng.choice(MAKERS)}</p>'
        + (f'<span class="badge">{badge}</span>' if badge else "")
        + f'<div class="rating"><span>{stars} stars</span><a href="#r{number}">{reviews} reviews</a></div>'
        f'<div class="price"><span class="now">${price:.2f}</span>{old}</div>'
        '<button class="add">Add to cart</button>'
        '<button class="wish" aria-label="Add to wish list"><span>♡</span></button></article>'
    )
