"""Five bundled sites that start in a second, reset in milliseconds and fork exactly; tasks in WebArena's format."""
