"""Code that several modules share; a module must not import another one, so it is kept here."""
