"""Programming problems, judged by tests that the solution cannot reach."""

__all__: list[str] = []
