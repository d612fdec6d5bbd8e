"""The command line: commands, options, questions and exit codes."""
