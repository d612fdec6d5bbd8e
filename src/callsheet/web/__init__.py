"""The page and the API: the same verbs as the command line's, over HTTP."""
