"""The two sides of the border between a solution and its tests, for sandboxes. The standard library only."""

__all__: list[str] = []
