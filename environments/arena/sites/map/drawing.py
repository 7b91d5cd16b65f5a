"""Draws the map as SVG: land, water, roads, towns, markers and a way, for one view of the county."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from environments.arena.sites.map.county import COAST, HEIGHT, MOORS, RIVER, WIDTH, WOODS
from environments.arena.sites.map.roads import points_of

__all__ = ["DEEPEST", "GROUPS", "View", "around", "draw", "far"]

Point = tuple[float, float]
PIXELS = (760, 430)
WIDEST_KM = 84.0
DEEPEST = 6
MARKERS_FROM, MOST_MARKERS = 3, 60
GROUPS = {
    "Food & drink": "#c2571b", "Shops": "#7a4fb0", "Health": "#c22f45", "Places to stay": "#2c5fb3",
    "Culture": "#8a5a2b", "Services": "#4b5563", "Getting about": "#0f6b8f", "Outdoors": "#2e7d32",
}  # fmt: skip
ROADS = {
    "fell": ("#a08a5a", 1.2, "2 3"), "track": ("#7f9a62", 1.4, "5 3"), "street": ("#ffffff", 2.2, ""),
    "lane": ("#c9c4b4", 1.6, ""), "secondary": ("#f0cf74", 2.6, ""), "main": ("#e8a05a", 3.4, ""),
    "trunk": ("#5b87c5", 4.4, ""),
}  # fmt: skip
"""Colour, width and dashes by kind, drawn in this order. Streets are drawn from zoom 1 on."""


@dataclass(frozen=True, slots=True)
class View:
    """What of the county is seen: the middle in kilometres, and how often the scale is doubled."""

    x: float = WIDTH / 2
    y: float = HEIGHT / 2
    zoom: int = 0

    @property
    def scale(self) -> float:
        """Pixels to a kilometre."""
        return PIXELS[0] / WIDEST_KM * float(2**self.zoom)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Western, southern, eastern and northern edge in kilometres."""
        half_x, half_y = PIXELS[0] / self.scale / 2, PIXELS[1] / self.scale / 2
        return self.x - half_x, self.y - half_y, self.x + half_x, self.y + half_y

    def moved(self, east: float, north: float) -> View:
        """The view shifted by parts of its size, kept within the county."""
        x, y = self.x + east * PIXELS[0] / self.scale, self.y + north * PIXELS[1] / self.scale
        return replace(self, x=round(min(max(x, 0), WIDTH), 3), y=round(min(max(y, 0), HEIGHT), 3))

    def zoomed(self, by: int) -> View:
        return replace(self, zoom=min(max(self.zoom + by, 0), DEEPEST))

    @property
    def query(self) -> str:
        """The view in an address."""
        return f"x={self.x:g}&y={self.y:g}&z={self.zoom}"

    def at(self, point: Point) -> str:
        west, _, _, north = self.box
        return f"{(point[0] - west) * self.scale:.1f},{(north - point[1]) * self.scale:.1f}"

    def pixel(self, point: Point) -> tuple[float, float]:
        x, y = self.at(point).split(",")
        return float(x), float(y)


def around(points: Sequence[Point]) -> View:
    """The deepest view that shows all points with a margin."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    view = View(round((min(xs) + max(xs)) / 2, 3), round((min(ys) + max(ys)) / 2, 3), DEEPEST - 1)
    while view.zoom and (
        max(xs) - min(xs) > PIXELS[0] / view.scale * 0.85 or max(ys) - min(ys) > PIXELS[1] / view.scale * 0.85
    ):
        view = view.zoomed(-1)
    return view


def far(km: float, units: str = "km") -> str:
    """A distance in words, in kilometres or miles."""
    if units == "miles":
        return f"{km / 1.609344:.1f} miles"
    return f"{km:.1f} km" if km >= 1 else f"{round(km * 100) * 10} m"


def draw(
    db: sqlite3.Connection,
    view: View,
    *,
    kind: str = "",
    pins: Iterable[sqlite3.Row] = (),
    line: Sequence[Point] = (),
    others: Sequence[Sequence[Point]] = (),
    label: str = "Map of Larchmoor County",
) -> Markup:
    """The map. `pins` are places to be marked for certain, `line` a way and `others` its alternatives."""
    parts = [*_ground(view), *_built_up(db, view), *_roads(db, view)]
    parts += [_path(other, view, "#8a94a6", 4.0) for other in others]
    if line:
        parts += [_path(line, view, "#ffffff", 8.0), _path(line, view, "#1f5fd0", 5.0)]
        for (x, y), colour in ((view.pixel(line[0]), "#2e7d32"), (view.pixel(line[-1]), "#c22f45")):
            parts.append(f'<circle cx="{x}" cy="{y}" r="6" fill="{colour}" stroke="#fff" stroke-width="2"/>')
    parts += _labels(db, view)
    parts += _markers(db, view, kind, list(pins))
    width, height = PIXELS
    return Markup(  # every text in it is escaped where it is put in
        f'<svg class="map" viewBox="0 0 {width} {height}" role="group" aria-label="{label}">{"".join(parts)}</svg>'
    )


def _ground(view: View) -> Iterable[str]:
    width, height = PIXELS
    yield f'<rect width="{width}" height="{height}" fill="#edf1e4"/>'
    for colour, areas in (("#e2dcc3", MOORS), ("#cde2bf", WOODS)):
        for area in areas:
            edge = f'stroke="{colour}" stroke-width="8" stroke-linejoin="round"'
            yield f'<polygon points="{_points(area, view)}" fill="{colour}" {edge}/>'
    sea = [(-99.0, 3.0), *COAST, (52.5, 99.0), (150.0, 99.0), (150.0, -99.0), (-99.0, -99.0)]
    yield f'<polygon points="{_points(sea, view)}" fill="#a8d2df" stroke="#8dbfce"/>'
    yield _path(RIVER, view, "#8cc0d4", 2.2 + view.zoom * 1.6)


def _built_up(db: sqlite3.Connection, view: View) -> Iterable[str]:
    for row in db.execute("SELECT x, y, inhabitants FROM map_town"):
        x, y = view.pixel((row["x"], row["y"]))
        radius = view.scale * (0.35 + row["inhabitants"] ** 0.5 / 190)
        yield f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="#dedcd6"/>'


def _roads(db: sqlite3.Connection, view: View) -> Iterable[str]:
    rows = db.execute("SELECT kind, name, ref, shape FROM map_road").fetchall()
    west, south, east, north = view.box
    for kind, (colour, width, dashes) in ROADS.items():
        if kind == "street" and view.zoom < 1:
            continue
        dash = f' stroke-dasharray="{dashes}"' if dashes else ""
        wide = width * (1 + 0.35 * view.zoom)
        for row in rows:
            shape = points_of(row["shape"]) if row["kind"] == kind else ()
            if any(west - 2 < x < east + 2 and south - 2 < y < north + 2 for x, y in shape):
                if not dashes:
                    yield _path(shape, view, "#9aa08f", wide + 1.2)
                yield _path(shape, view, colour, wide, more=dash)
                if row["ref"] and len(shape) > 3:
                    yield _shield(row["ref"], view.pixel(shape[len(shape) // 2]))


def _shield(ref: str, at: Point) -> str:
    return (
        f'<rect x="{at[0] - 13:.1f}" y="{at[1] - 7:.1f}" width="26" height="13" rx="3" fill="#fff" stroke="#777"/>'
        f'<text x="{at[0]:.1f}" y="{at[1] + 3:.1f}" font-size="9" text-anchor="middle" fill="#333">{ref}</text>'
    )


def _labels(db: sqlite3.Connection, view: View) -> Iterable[str]:
    least = (3_000, 1_400, 0)[min(view.zoom, 2)]
    for row in db.execute("SELECT * FROM map_town WHERE inhabitants > ? ORDER BY id", (least,)):
        x, y = view.pixel((row["x"], row["y"]))
        if not (0 < x < PIXELS[0] and 0 < y < PIXELS[1]):
            continue
        size = 15 if row["inhabitants"] > 20_000 else 13 if row["kind"] == "town" else 11
        name = Markup.escape(row["name"])
        yield f'<circle cx="{x}" cy="{y}" r="{size / 4:.1f}" fill="#333"/>'
        yield (
            f'<a href="/town/{row["slug"]}"><text x="{x + 6:.1f}" y="{y - 5:.1f}" font-size="{size}" font-weight="600" '
            f'fill="#222" stroke="#fff" stroke-width="3" paint-order="stroke">{name}</text></a>'
        )


def _markers(db: sqlite3.Connection, view: View, kind: str, pins: list[sqlite3.Row]) -> Iterable[str]:
    """Places in the view, most reviewed first. Car parks and charging points have no name, as on many maps."""
    shown = {row["id"]: row for row in pins}
    if view.zoom >= MARKERS_FROM or kind:
        west, south, east, north = view.box
        chosen = " AND kind = :kind" if kind else ""
        box = {"west": west, "south": south, "east": east, "north": north, "kind": kind, "most": MOST_MARKERS}
        for row in db.execute(
            f"""SELECT * FROM map_place WHERE x BETWEEN :west AND :east AND y BETWEEN :south AND :north{chosen}
                ORDER BY reviews DESC, id LIMIT :most""", box,
        ):  # fmt: skip
            shown.setdefault(row["id"], row)
    headings = {row["slug"]: row["heading"] for row in db.execute("SELECT slug, heading FROM map_kind")}
    pinned = {row["id"] for row in pins}
    for number, row in reversed(shown.items()):
        x, y = view.pixel((row["x"], row["y"]))
        colour, name = GROUPS[headings[row["kind"]]], Markup.escape(f"{row['name']}, {row['town']}")
        said = "" if row["kind"] in ("parking", "charging") else f' aria-label="{name}"'
        size = 11 if number in pinned else 7
        letter = row["kind"][0].upper()
        yield (
            f'<a href="/place/{number}"{said}><title>{name if said else ""}</title>'
            f'<circle cx="{x}" cy="{y}" r="{size}" fill="{colour}" stroke="#fff" stroke-width="1.5"/>'
            f'<text x="{x}" y="{y + size / 3:.1f}" font-size="{size}" text-anchor="middle" fill="#fff" '
            f'aria-hidden="true">{letter}</text></a>'
        )


def _path(line: Sequence[Point], view: View, colour: str, width: float, *, more: str = "") -> str:
    ends = 'stroke-linejoin="round" stroke-linecap="round"'
    stroke = f'stroke="{colour}" stroke-width="{width:.1f}"'
    return f'<polyline points="{_points(line, view)}" fill="none" {stroke} {ends}{more}/>'


def _points(points: Iterable[Point], view: View) -> str:
    return " ".join(view.at(point) for point in points)
