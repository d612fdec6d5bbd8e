"""Names for runs: two words and four digits, easy to say, to type and to complete."""

from __future__ import annotations

import hashlib
import secrets

_QUALITIES = (
    "amber", "blue", "calm", "cedar", "clear", "cobalt", "copper", "dawn", "dusk", "early", "ember",
    "fallen", "gentle", "golden", "grey", "hazel", "hidden", "indigo", "ivory", "jade", "late",
    "linen", "lunar", "maple", "misty", "mossy", "north", "olive", "paper", "pearl", "plain",
    "quiet", "rainy", "russet", "sandy", "silver", "slow", "south", "still", "sunlit", "teal",
    "umber", "velvet", "violet", "warm", "white", "wild", "winter",
)  # fmt: skip

_THINGS = (
    "alley", "arch", "balcony", "bench", "bridge", "brook", "candle", "canopy", "cliff", "cloud",
    "crane", "curtain", "door", "ferry", "field", "garden", "gate", "harbor", "heron", "hill",
    "island", "kettle", "ladder", "lake", "lamp", "lantern", "meadow", "mirror", "moon", "orchard",
    "path", "pier", "plaza", "pond", "porch", "river", "roof", "shore", "stair", "stream", "street",
    "tower", "tram", "valley", "wharf", "window", "wing", "wood",
)  # fmt: skip


def new_name() -> str:
    """Return a random name, one of 150 million."""
    return _name(secrets.token_bytes(6))


def name_for(key: str, number: int = 0) -> str:
    """Return the name of the run with this idempotency key; another one for each number."""
    return _name(hashlib.sha256(f"{number}:{key}".encode()).digest())


def _name(seed: bytes) -> str:
    quality = _QUALITIES[int.from_bytes(seed[:2]) % len(_QUALITIES)]
    thing = _THINGS[int.from_bytes(seed[2:4]) % len(_THINGS)]
    return f"{quality}-{thing}-{seed[4:6].hex()}"


def batch_of(run: str) -> str:
    """Return the batch that a run belongs to, or an empty text."""
    batch, dot, _ = run.partition(".")
    return batch if dot else ""
