"""What a customer of the shop wants done. The modules add their templates when they are imported."""

from __future__ import annotations

from environments.arena.sites.shop.tasks import asking, changing

__all__ = ["asking", "changing"]
