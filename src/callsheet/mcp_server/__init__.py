"""An MCP server: an assistant writes the prompts, callsheet instructs and judges it."""
