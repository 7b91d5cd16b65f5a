"""What a member of the forum wants done: each module adds its templates."""

from __future__ import annotations

from environments.arena.sites.forum.tasks import asking, posting, settling

__all__ = ["asking", "posting", "settling"]
