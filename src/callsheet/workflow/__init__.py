"""The files of a workflow: parsing, references, and safe access to its folder."""
