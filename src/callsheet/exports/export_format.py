"""What an export form is: a name, a file ending, and a function from a prompt set to a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.catalog.formats.stable_diffusion import SERIES, with_escaped_series
from callsheet.exports.syntax import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from callsheet.exports.prompt_set import ExportedPrompt, PromptSet, PromptText


@dataclass(frozen=True)
class ExportFormat:
    """One form in which prompts can be exported.

    * `name` is what `--format` takes, `title` what a person reads, `suffix` the end of a file's name.
    * `write` makes the file's text from a prompt set.
    * A `selective` form takes only texts of some formats (`callsheet.catalog.formats`): those that it
      lists in `formats`, and those that list it in their `export_forms`.
    * `names_images`: whether the file names the images that a person rendered from the prompts.
    * `shows_settings`: whether the file says what must be set outside the prompts.
    """

    name: str
    title: str
    suffix: str
    media_type: str
    write: Callable[[PromptSet], str]
    selective: bool = False
    formats: tuple[str, ...] = ()
    shows_settings: bool = True
    names_images: bool = False

    def accepts(self, text: PromptText) -> bool:
        """Whether the form takes this text as it stands."""
        if not self.selective:
            return True
        if text.format is None:
            return False
        return text.format.name in self.formats or self.name in text.format.export_forms

    def written(self, text: PromptText) -> str:
        """The text as the form's file holds it: what its tools would read as syntax is escaped."""
        known = text.format.rules if text.format else ()
        plain = with_escaped_series(text.text) if SERIES in known else text.text
        return escaped(plain, self.name)

    def accepted(self, prompts: PromptSet) -> Iterator[tuple[ExportedPrompt, PromptText]]:
        """Each text that the form takes, with the prompt it belongs to."""
        for entry in prompts.entries:
            for text in entry.texts:
                if self.accepts(text):
                    yield entry, text
