"""Lettering and speech: what stands in quotation marks is shown or said, and describes nothing.

Rules about words would find "NO SMOKING" to exclude something. Each character of a quoted text is
therefore replaced by one that no rule knows, and put back in what the rules report.
"""

from __future__ import annotations

import re

LONGEST = 300
"""Characters between two quotation marks; beyond that, they are no pair."""

_QUOTED = re.compile(
    rf'(?<!\w)"[^"\n]{{1,{LONGEST}}}"(?!\w)|\u201c[^\u201c\u201d\n]{{1,{LONGEST}}}\u201d'
    rf"|\u00ab[^\u00ab\u00bb\n]{{1,{LONGEST}}}\u00bb|\u300c[^\u300c\u300d\n]{{1,{LONGEST}}}\u300d"
)
_UNKNOWN = 0xF0000
"""The first code point of a private plane, which no letter and no mark is in."""


class MaskedText:
    """A text whose quoted parts rules cannot read, and the way back."""

    def __init__(self, text: str) -> None:
        self._hidden: list[str] = []
        self._whole = text.strip()
        self.text = _QUOTED.sub(lambda found: self._hide(found[0]), text)

    @property
    def hides(self) -> bool:
        """Whether anything is hidden."""
        return bool(self._hidden)

    def _hide(self, quoted: str) -> str:
        if quoted == self._whole:
            # A prompt in quotation marks is still a prompt.
            return quoted
        inner = quoted[1:-1]
        hidden = "".join(char if char.isspace() else self._code(char) for char in inner)
        return f"{quoted[0]}{hidden}{quoted[-1]}"

    def _code(self, char: str) -> str:
        self._hidden.append(char)
        return chr(_UNKNOWN + len(self._hidden) - 1)

    def restore(self, message: str) -> str:
        """A message of a rule with the quoted characters put back."""
        return message.translate({_UNKNOWN + n: char for n, char in enumerate(self._hidden)})
