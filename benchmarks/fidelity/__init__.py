"""How well the idea check tells faithful prompts from others."""
