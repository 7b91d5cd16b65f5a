"""The map: places, search, routes with distances and times, what is nearby, saved lists, reviews."""

from __future__ import annotations

from pathlib import Path

from environments.arena.accounts import SIGNING_IN
from environments.arena.look import SYNONYMS
from environments.arena.sites.map import directions, finding, places, saving
from environments.arena.sites.map.seeding import SCHEMA, seed
from environments.arena.visit import Route, Site

__all__ = ["SITE"]

SYNONYMS.update(
    {
        "Directions": ("Route planner", "Plan a trip"),
        "Get directions": ("Find the way", "Show the route"),
        "Directions to here": ("Take me here", "Route to this place"),
        "Swap ends": ("Reverse", "Way back"),
        "Nearby": ("Around a place", "Close by"),
        "Show places": ("List places", "See what is there"),
        "All categories": ("Kinds of places", "Browse"),
        "My lists": ("Saved places", "Collections"),
        "Save place": ("Add to a list", "Keep this place"),
        "Save to list": ("Put it there", "Add it"),
        "Remove from list": ("Take off", "Drop"),
        "New list": ("Start a list", "Add a list"),
        "Create list": ("Make the list", "Add this list"),
        "Rename list": ("Change the name", "Call it otherwise"),
        "Delete list": ("Discard this list", "Throw the list away"),
        "Report a problem": ("Something wrong?", "Suggest a correction"),
        "Send report": ("Hand it in", "Submit report"),
        "Publish review": ("Post review", "Submit review"),
        "My reviews": ("Reviews by me", "What I reviewed"),
        "My reports": ("Reported problems", "Sent corrections"),
        "Map settings": ("Preferences", "Map options"),
        "Keep these settings": ("Save my settings", "Apply settings"),
        "Starting point": ("From", "Set out at"),
        "Destination": ("To", "Going to"),
        "Stop on the way": ("Via", "By way of"),
        "Travel by": ("Means of travel", "How"),
        "Opening hours": ("Open", "When it is open"),
    }
)

SITE = Site(
    name="map",
    title="Waymark",
    schema=SCHEMA,
    seed=seed,
    routes=(
        Route("/", finding.home),
        Route("/search", finding.search),
        Route("/suggest", finding.suggest),
        Route("/categories", finding.categories),
        Route("/category/{slug}", finding.category),
        Route("/town/{slug}", finding.town),
        Route("/nearby", finding.nearby),
        Route("/directions", directions.directions),
        Route("/place/{id:int}", places.place),
        Route("/place/{id:int}/review", post=places.review),
        Route("/place/{id:int}/report", places.report_form, places.report),
        Route("/place/{id:int}/save", post=saving.save),
        Route("/review/{id:int}/delete", post=places.delete_review),
        Route("/reviews", places.mine),
        Route("/reports", places.reports),
        Route("/lists", saving.lists, saving.new_list),
        Route("/list/{id:int}", saving.list_page),
        Route("/list/{id:int}/rename", post=saving.rename_list),
        Route("/list/{id:int}/delete", post=saving.delete_list),
        Route("/list/{id:int}/remove", post=saving.forget),
        Route("/settings", saving.settings_form, saving.settings),
        *SIGNING_IN,
    ),
    folder=Path(__file__).parent,
    navigation=lambda visit: (
        ("Map", "/"),
        ("Directions", "/directions"),
        ("Nearby", "/nearby"),
        ("All categories", "/categories"),
        ("My lists", "/lists"),
    ),
)
