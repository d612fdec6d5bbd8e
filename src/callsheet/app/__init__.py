"""The verbs that every face shares: each puts parts of the lower rooms together."""
