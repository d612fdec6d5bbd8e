"""The formats of today's models: sentences, one Midjourney version, SDXL families, refused words."""

from __future__ import annotations

import pytest

from callsheet.catalog.autofix import autofix
from callsheet.catalog.formats import find_format
from tests.unit.test_formats import SCENE, caught

SENTENCES = (
    *("gpt-image", "nano-banana", "flux-2", "flux-3", "flux-3-klein", "lucid-origin", "seedream"),
    *("qwen-image", "krea-3", "z-image", "grok-image", "ideogram-4"),
)
CAPTION = (
    '{"high_level_description": "a heron", "compositional_deconstruction": {"elements": [{}]}}'
)
BOX = '[{"id": "<heron_1>", "bbox": [0, 0, 900, 400], "desc": "a grey heron, {reeds} <lora:a:1>"}]'
TAGS = "score_9, score_8_up, score_7_up, source_anime, rating_safe, heron, lake"


@pytest.mark.parametrize("name", SENTENCES)
def test_sentences_are_read_and_tags_and_flags_are_not(name: str) -> None:
    assert caught(name, f"{SCENE}. Reeds stand in front, and low light comes from the left.") == []
    assert caught(name, f"{SCENE} --raw") == ["flag"]
    assert caught(name, f"{SCENE}. Negative prompt: blur") == ["negative field"]
    # GPT Image reads lists of tags as well.
    read = [] if name == "gpt-image" else ["(tag list)"]
    tags = "heron, lake, dusk, reeds, mist, low light, calm, teal, amber, wide view, still, water"
    assert caught(name, tags) == read


@pytest.mark.parametrize(
    ("name", "text", "rules"),
    [
        ("flux-2", f"{SCENE} without people.", ["(exclusion)"]),
        ("flux-2", f"{SCENE}, no boats.", ["(exclusion)"]),
        ("flux-2", f"{SCENE}, no longer alone.", []),
        ("flux-2", "heron " * 301, ["(long)"]),
        ("flux-3-klein", "heron " * 121, ["(long)"]),
        ("lucid-origin", f"{SCENE}, avoid boats.", ["(exclusion)"]),
        ("gpt-image", f"{SCENE}.\n\nKeep out: boats.", []),
        ("gpt-image", f"A photorealistic gouache of this: {SCENE}.", ["(photo word)"]),
        ("nano-banana", f"{SCENE}, masterpiece.", ["(slogan)"]),
        ("nano-banana", f"8k masterpiece. {SCENE}.", ["(slogan)", "(slogan)", "(pile)"]),
        ("seedream", "heron " * 601, ["(long)"]),
        ("qwen-image", "heron " * 140, ["(long)"]),
        ("qwen-image", f"{SCENE}, Ultra HD, 4K. No recognizable text.", []),
        ("qwen-image", f"{SCENE}, no boats.", ["(exclusion)"]),
        ("z-image", "heron " * 351, ["(long)"]),
        ("ideogram-4", CAPTION, []),
        ("ideogram-4", CAPTION[:-1], ["(caption)"]),
        ("ideogram-4", '{"high_level_description": "a heron in a lake"}', ["(caption)"]),
        ("qwen-image", f"{SCENE} (reeds:1.2).", ["weight"]),
        ("stable-diffusion-3", f"{SCENE} (reeds:1.2).", ["(weight)"]),
        ("stable-diffusion-3", f"{SCENE} <lora:ink:0.8>.", ["(angle tag)"]),
        ("plain-tags", "heron, lake, (reeds:1.2)", ["(weight)"]),
        ("negative-words", "blur, nudity, blood, still water", []),
        ("negative-words", "no boats, blur", ["(negation)"]),
    ],
)
def test_each_model_has_its_own_way_to_exclude_content(
    name: str, text: str, rules: list[str]
) -> None:
    assert caught(name, text) == rules


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (f"<heron_1> stands in a lake at dusk. {BOX}", []),
        (f"<heron_1> and <reed_1> stand at dusk. {BOX}", ["layout"]),
        (f"<heron_1> stands in a lake. {BOX.replace('900', '1001')}", ["layout"]),
        (f"<heron_1> stands in a lake. {BOX.replace('400', '0')}", ["layout"]),
        (f"<heron_1> stands in a lake. {BOX.replace('desc', 'text')}", ["layout"]),
        (f"<heron_1> stands in a lake. {BOX.replace(':', '', 1)}", ["layout"]),
        ("<heron_1> stands in a lake at dusk.", ["angle tag"]),
        (f"<heron_1> stands in a lake --raw. {BOX}", ["flag"]),
        (f"{SCENE}, framed [{{low}}] and wide.", ["placeholder"]),
    ],
)
def test_flux_3_reads_names_in_angle_brackets_with_their_boxes(text: str, rules: list[str]) -> None:
    assert caught("flux-3", text) == rules


@pytest.mark.parametrize(
    ("name", "tail", "rules"),
    [
        ("midjourney-8.2", "--ar 2:3 --v 8.2 --raw --hd", []),
        ("midjourney-8.2", "--ar 2:3", ["version"]),
        ("midjourney-8.2", "--v 8.2", ["no ratio"]),
        ("midjourney-8.2", "--ar 2:3 --v 7", ["version"]),
        ("midjourney-8.2", "--ar 2:3 --niji 7", ["version"]),
        ("midjourney-8.2", "--ar 2:3 --v 8.2 --q 2", ["flag"]),
        ("niji-7", "--ar 2:3 --niji 7 --s 200", []),
        ("niji-7", "--ar 2:3 --v 8.2", ["version"]),
        ("niji-7", "--ar 2:3 --niji 6", ["version"]),
        ("niji-7", "--ar 2:3 --niji 7 --cref https://example.org/a.png", ["flag"]),
    ],
)
def test_a_midjourney_format_may_be_for_one_version_alone(
    name: str, tail: str, rules: list[str]
) -> None:
    assert caught(name, f"{SCENE} {tail}") == rules


@pytest.mark.parametrize(
    ("name", "line", "mended"),
    [
        ("midjourney-8.2", "--ar 2:3 --raw", "--ar 2:3 --v 8.2 --raw"),
        ("niji-7", "--s 200", "--niji 7 --s 200"),
        ("niji-7", "--ar 2:3 --niji 6", "--ar 2:3 --niji 6"),
        ("midjourney-image", "--ar 2:3", "--ar 2:3"),
    ],
)
def test_a_missing_version_is_put_in_where_there_is_only_one(
    name: str, line: str, mended: str
) -> None:
    assert autofix(f"{SCENE} {line}", {"format": name}) == f"{SCENE} {mended}"


@pytest.mark.parametrize(
    ("name", "text", "rules"),
    [
        ("pony-tags", TAGS, []),
        ("pony-tags", "heron, lake, reeds, mist, source_anime, rating_safe", ["(quality)"]),
        ("pony-tags", "score_9, heron, lake, reeds, mist, source_anime", ["(labels)"]),
        ("pony-tags", f"{TAGS}, masterpiece", ["(family)"]),
        ("pony-tags", f"{TAGS}, {'reeds, ' * 140}mist", ["(clip)", "(long)"]),
        ("illustrious-tags", "masterpiece, heron, lake", ["(few)"]),
        ("illustrious-tags", "masterpiece, heron, lake, reeds, mist, score_9", ["(family)"]),
        ("illustrious-negative", "nsfw, lowres, nude, text, logo, no hands", ["(negation)"]),
        ("animagine-tags", "heron, lake, masterpiece, high score, great score, absurdres", []),
        ("animagine-tags", "masterpiece, heron, lake, reeds, mist, dusk", ["(quality)"]),
        ("animagine-tags", "score_9, heron, lake, reeds, mist, masterpiece", ["(family)"]),
        ("animagine-negative", "score_4, lowres, bad hands, text, logo, blurry", ["(family)"]),
        ("pony-negative", "score_4, score_5, nsfw, text, logo, without hands", ["(negation)"]),
        ("danbooru-negative", "nsfw, lowres, nude", []),
    ],
)
def test_each_sdxl_family_has_its_own_quality_words(name: str, text: str, rules: list[str]) -> None:
    assert caught(name, text) == rules


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("A naked bulb over a blood orange, a glue gun and nude tones on the wall.", False),
        ("Bare trees, a scarf wound around a post, a child's drawing.", False),
        ("A nude figure by the window.", True),
        ("A severed rope and a rifle on the wall.", True),
        ("A young girl reads.", True),
        ("Two children with bare feet in wet clothes.", True),
        ("The same street with the watermark removed, removing the watermark.", True),
    ],
)
def test_words_that_services_reject_are_warnings_and_not_repaired(
    text: str, *, warned: bool
) -> None:
    assert ("(safety)" in caught("plain-text", text)) is warned
    found = find_format("plain-text")
    assert found is not None
    assert "safety" not in [rule for rule, _ in found.faults(text, "error")]
