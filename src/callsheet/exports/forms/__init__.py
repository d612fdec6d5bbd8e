"""The built-in export forms: each file here defines one, and each is found by being here."""
