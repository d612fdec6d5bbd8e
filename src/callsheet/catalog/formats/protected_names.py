"""Names that a prompt must not use: a short list, not a complete register.

Sources, all read 2026-11-22: image services refuse the style of a living artist and refuse many
studio names in practice (reports of March 2025 quoting the vendor); FLUX ships a filter for named
works and living public figures (black-forest-labs/flux2, system_messages.py). A name that is
missing here is still barred by the instructions.
"""

from __future__ import annotations

import re

STUDIOS = (
    "Aardman", "A-1 Pictures", "CoMix Wave", "Disney", "DreamWorks", "Ghibli", "Illumination Entertainment",
    "Kyoto Animation", "KyoAni", "Lucasfilm", "Marvel Comics", "Marvel Studios", "Nickelodeon", "Nintendo", "Pixar",
    "Production I.G", "Riot Games", "Studio Bones", "Studio Madhouse", "Studio Trigger",
    "Toei Animation", "Ufotable", "Warner Bros",
)  # fmt: skip

WORDS = re.compile(r"\bMAPPA\b|\bMarvel(?= (?:superhero|hero|character|movie|film|universe|style))")
"""Studios that are also words: written as a name, and beside what makes them one."""

CHARACTERS = (
    "Barbie", "Batman", "Buzz Lightyear", "Captain America", "Chewbacca", "Darth Vader", "Donald Duck",
    "Elsa and Anna", "Gandalf", "Goku", "Harry Potter", "Hatsune Miku", "Hello Kitty", "Homer Simpson",
    "Iron Man", "James Bond", "Lara Croft", "Mickey Mouse", "Minnie Mouse", "Naruto Uzumaki", "Optimus Prime",
    "Pikachu", "Princess Leia", "Sailor Moon", "Shrek", "SpongeBob", "Spider-Man", "Super Mario", "Superman",
    "Winnie the Pooh", "Wonder Woman", "Yoda",
)  # fmt: skip

ARTISTS = (
    "Ai Weiwei", "Artgerm", "Banksy", "Beeple", "Christopher Nolan", "Damien Hirst",
    "Denis Villeneuve", "Eiichiro Oda", "Greg Rutkowski", "Guweiz", "Hayao Miyazaki", "Hideaki Anno",
    "Ilya Kuvshinov", "James Gurney", "James Jean", "Junji Ito", "Katsuhiro Otomo", "Loish",
    "Makoto Shinkai", "Mamoru Hosoda", "Mamoru Oshii", "Miyazaki", "Naoko Takeuchi", "Ross Tran",
    "Rutkowski", "Sakimichan", "Shinkai", "Shinkawa", "Simon Stalenhag", "Simon Stålenhag",
    "Takashi Murakami", "Tim Burton", "Wes Anderson", "WLOP", "Yayoi Kusama", "Yoshitaka Amano",
)  # fmt: skip

PEOPLE = (
    "Angelina Jolie", "Barack Obama", "Beyonce", "Beyoncé", "Billie Eilish", "Brad Pitt",
    "Cristiano Ronaldo", "Donald Trump", "Elon Musk", "Emma Watson", "Greta Thunberg", "Joe Biden",
    "Keanu Reeves", "Kim Kardashian", "Leonardo DiCaprio", "Lionel Messi", "Rihanna",
    "Scarlett Johansson", "Taylor Swift", "Tom Cruise", "Vladimir Putin", "Zendaya",
)  # fmt: skip
