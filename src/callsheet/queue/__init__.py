"""Has runs carried on: so many at once, the more urgent first."""
