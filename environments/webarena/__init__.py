"""WebArena's own tasks, on sites that the user hosts, and its graders, which the arena uses too."""
