"""The suite `tools`: errands over functions that keep state, and any MCP server's tools."""
