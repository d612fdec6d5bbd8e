"""The modules that workflows use, one file for each module id."""
