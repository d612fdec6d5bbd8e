"""The abilities that workflows are made of, one file for each module id."""
