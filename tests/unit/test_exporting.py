"""Each export is read back as the place that it is for reads it, by its documented form."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from callsheet.catalog.formats import find_format
from callsheet.errors import InputError, UnknownNameError
from callsheet.exports.csv_cells import unescape_cell
from callsheet.exports.image_size import image_size
from callsheet.exports.prompt_set import ExportedPrompt, PromptSet, PromptText, prompt_set
from callsheet.exports.registry import EXPORTS, available_exports, render_export, skipped_prompts
from tests.support.runs import InMemoryRuns

AWKWARD = (
    'rain \\(medium\\), a "red" lamp,\n  it\'s --ar, \u2028(fog:1.2), C:\\new $HOME `x` # end\\'
)

CORE = {
    "CheckpointLoaderSimple": ({"ckpt_name"}, ("MODEL", "CLIP", "VAE")),
    "LoraLoader": (
        {"model", "clip", "lora_name", "strength_model", "strength_clip"},
        ("MODEL", "CLIP"),
    ),
    "CLIPTextEncode": ({"text", "clip"}, ("CONDITIONING",)),
    "EmptyLatentImage": ({"width", "height", "batch_size"}, ("LATENT",)),
    "KSampler": (
        {"model", "seed", "steps", "cfg", "sampler_name", "scheduler", "positive", "negative"}
        | {"latent_image", "denoise"},
        ("LATENT",),
    ),
    "VAEDecode": ({"samples", "vae"}, ("IMAGE",)),
    "SaveImage": ({"images", "filename_prefix"}, ()),
}
"""Required inputs and outputs of ComfyUI's core nodes (Comfy-Org/ComfyUI nodes.py, read 2026-11-23)."""

KINDS = {
    "model": "MODEL",
    "clip": "CLIP",
    "vae": "VAE",
    "positive": "CONDITIONING",
    "negative": "CONDITIONING",
    "latent_image": "LATENT",
    "samples": "LATENT",
    "images": "IMAGE",
}


async def sheet(*groups: str, workflow: str = "oms", **brief: str) -> PromptSet:
    session = await InMemoryRuns.with_llm().session(groups, workflow, **brief)
    return prompt_set(session.document(), session.bundle)


def saying(found: PromptSet, model: str, text: str) -> PromptSet:
    """The sheet with another text for a model that has one."""

    def changed(entry: ExportedPrompt) -> ExportedPrompt:
        if entry.model != model:
            return entry
        return replace(entry, prompt=text, texts=(replace(entry.texts[0], text=text),))

    return replace(found, entries=tuple(map(changed, found.entries)))


def jobs(text: str) -> list[dict[str, str]]:
    """The jobs of A1111's "Prompts from file or textbox" (scripts/prompts_from_file.py)."""
    lines = [line.strip() for line in text.splitlines()]
    found = []
    for line in filter(None, lines):
        words = shlex.split(line)
        assert all(word.startswith("--") for word in words[::2])
        assert len(words) % 2 == 0
        found.append({name[2:]: value for name, value in zip(words[::2], words[1::2], strict=True)})
    return found


def chains(text: str) -> list[dict[str, Any]]:
    """Each picture of a ComfyUI graph: its two texts and its size, found by following the links."""
    graph = json.loads(text)
    for node in graph.values():
        inputs, _ = CORE[node["class_type"]]
        assert set(node["inputs"]) == inputs
        for name, value in node["inputs"].items():
            if name in KINDS:
                source, output = value
                assert CORE[graph[source]["class_type"]][1][output] == KINDS[name]
    found = []
    for node in graph.values():
        if node["class_type"] == "SaveImage":
            decoded = graph[node["inputs"]["images"][0]]["inputs"]
            sampler = graph[decoded["samples"][0]]
            inputs = {
                name: graph[sampler["inputs"][name][0]]["inputs"]
                for name in ("positive", "negative", "latent_image", "model")
            }
            found.append(
                {
                    "title": sampler["_meta"]["title"],
                    "prompt": inputs["positive"]["text"],
                    "negative": inputs["negative"]["text"],
                    "loras": _loras(graph, graph[sampler["inputs"]["model"][0]]),
                    "size": (inputs["latent_image"]["width"], inputs["latent_image"]["height"]),
                    "file": node["inputs"]["filename_prefix"],
                }
            )
    return found


def _loras(graph: dict[str, Any], node: dict[str, Any]) -> list[tuple[str, float, float]]:
    """The LoRAs between a checkpoint and a sampler: file, strength for the model, for the text."""
    if node["class_type"] != "LoraLoader":
        return []
    inputs = node["inputs"]
    own = (inputs["lora_name"], inputs["strength_model"], inputs["strength_clip"])
    return [*_loras(graph, graph[inputs["model"][0]]), own]


def prompts(found: PromptSet) -> dict[str, str]:
    return {text.name: text.text for entry in found.entries for text in entry.texts}


@pytest.mark.asyncio
async def test_midjourney_gets_a_line_for_each_still_of_its_own_and_nothing_else() -> None:
    found = await sheet("sora", "midjourney", "midjourney_animate")
    folded = saying(found, "MIDJOURNEY_B", "a heron\r\n\n  in mist \u2028 --ar 2:3\n")

    lines = render_export("midjourney", folded).splitlines()

    assert lines == [prompts(found)["MIDJOURNEY_A"], "a heron in mist --ar 2:3"]
    assert skipped_prompts("midjourney", folded) == ["SORA_2_A", "SORA_1_A", "midjourney_animate"]


@pytest.mark.asyncio
async def test_a1111_reads_each_prompt_with_the_negative_that_belongs_to_it() -> None:
    found = await sheet("sora", "stable_diffusion", aspect_ratio="2:3")
    result = prompts(found)

    read = jobs(render_export("a1111", found))

    size = {"width": "832", "height": "1216"}
    assert read == [
        {"prompt": result["SD_A"], "negative_prompt": "", **size},
        {"prompt": result["SD_B"], "negative_prompt": result["SD_C"], **size},
    ]
    assert skipped_prompts("a1111", found) == ["SORA_2_A", "SORA_1_A"]


@pytest.mark.asyncio
async def test_a_prompt_with_a_negative_field_uses_its_own() -> None:
    found = await sheet("stable_diffusion", workflow="studio")
    result = prompts(found)
    pairs = {
        result["SD_3_5"]: "",
        **{
            result[f"SDXL_{name}.prompt"]: result[f"SDXL_{name}.negative_prompt"]
            for name in ("ILLUSTRIOUS", "PONY", "ANIMAGINE")
        },
    }
    assert {
        job["prompt"]: job["negative_prompt"] for job in jobs(render_export("a1111", found))
    } == (pairs)
    drawn = chains(render_export("comfyui", found))
    assert {each["prompt"]: each["negative"] for each in drawn} == pairs


@pytest.mark.asyncio
async def test_no_sign_in_a_prompt_is_lost_or_read_as_an_option() -> None:
    found = saying(await sheet("stable_diffusion"), "SD_A", AWKWARD)
    folded = " ".join(line.strip() for line in AWKWARD.splitlines())

    assert jobs(render_export("a1111", found))[0]["prompt"] == folded
    assert chains(render_export("comfyui", found))[0]["prompt"] == AWKWARD


@pytest.mark.asyncio
async def test_comfyui_gets_a_whole_chain_for_each_prompt() -> None:
    found = await sheet("stable_diffusion", aspect_ratio="16:9")
    result = prompts(found)

    first, second = chains(render_export("comfyui", found))

    assert (first["prompt"], first["negative"]) == (result["SD_A"], "")
    assert (second["prompt"], second["negative"]) == (result["SD_B"], result["SD_C"])
    assert first["size"] == second["size"] == (1344, 768)
    assert second["title"] == (
        "SD_B: set: size 1344x768; Euler a, 25 to 30 steps, CFG 5 to 6; SD_C in the negative field"
    )
    assert first["file"] == f"{found.run}-SD_A"


@pytest.mark.parametrize(
    ("settings", "brief", "size"),
    [
        (("size 1000x1501", "steps 30"), {"aspect_ratio": "1:1"}, (1000, 1496)),
        ((), {"aspect_ratio": "2:3"}, (832, 1216)),
        ((), {"aspect_ratio": "as you like"}, (1024, 1024)),
        ((), {"aspect_ratio": "0:0"}, (1024, 1024)),
        ((), {}, (1024, 1024)),
    ],
)
def test_the_size_is_the_packs_or_fits_the_brief(
    settings: tuple[str, ...], brief: dict[str, str], size: tuple[int, int]
) -> None:
    entry = ExportedPrompt("image", "g", "", "", "A", "x", (PromptText("A", "x"),), settings)
    assert image_size(entry, PromptSet("run", "mine", "offline", brief, (entry,))) == size


@pytest.mark.asyncio
async def test_a_table_has_a_row_for_each_text_and_no_formula() -> None:
    found = saying(await sheet("phoenix", "motion_2_0"), "PHOENIX_1_0_A", "=HYPERLINK(1)")

    rows = list(csv.DictReader(io.StringIO(render_export("csv", found), newline="")))

    assert {row["model"]: unescape_cell(row["prompt"]) for row in rows} == prompts(found)
    assert rows[0] == {
        "category": "image_generation",
        "group": "phoenix",
        "model": "PHOENIX_1_0_A",
        "characters": "13",
        "prompt": "'=HYPERLINK(1)",
        "set": "size 832x1248; Prompt Enhance off; contrast medium",
    }


@pytest.mark.asyncio
async def test_a_page_shows_each_text_with_its_group_and_what_to_set() -> None:
    found = saying(await sheet("phoenix", "motion_2_0"), "PHOENIX_1_0_A", "a ```` fence")

    page = render_export("md", found)

    assert "## Image generation\n\n### PHOENIX_1_0_A\n\nPhoenix 1.0. Set: size 832x1248;" in page
    assert "\n`````text\na ```` fence\n`````\n" in page
    assert [line[4:] for line in page.splitlines() if line.startswith("### ")] == [*prompts(found)]


@pytest.mark.asyncio
async def test_a_program_gets_one_object_for_each_prompt() -> None:
    found = await sheet("phoenix", "motion_2_0")

    report = json.loads(render_export("json", found))

    assert report["run"] == found.run
    assert [entry["model"] for entry in report["prompts"]] == ["PHOENIX_1_0_A", "motion_2_0"]
    assert report["prompts"][1]["prompt"] == found.entries[1].prompt
    assert report["prompts"][1]["group"] == "motion_2_0"
    assert report["prompts"][0]["set"][1] == "Prompt Enhance off"


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        (("sora", "motion_2_0"), []),
        (("midjourney",), ["midjourney"]),
        (("stable_diffusion",), ["a1111", "comfyui"]),
        (("midjourney", "stable_diffusion"), ["midjourney", "a1111", "comfyui"]),
    ],
)
@pytest.mark.asyncio
async def test_a_run_lists_the_export_formats_for_its_prompts(
    groups: Sequence[str], names: list[str]
) -> None:
    found = await sheet(*groups)
    assert available_exports(found) == [*names, "csv", "md", "json"]
    for name in set(EXPORTS) - set(available_exports(found)):
        with pytest.raises(InputError, match="none of these prompts is written for") as caught:
            render_export(name, found)
        assert caught.value.hint == f"formats that take them: {', '.join(available_exports(found))}"


@pytest.mark.asyncio
async def test_export_of_one_model_includes_its_negative_prompt() -> None:
    found = await sheet("stable_diffusion")
    alone = found.only(["SD_B"])

    (job,) = jobs(render_export("a1111", alone))

    assert job["negative_prompt"] == prompts(found)["SD_C"]
    with pytest.raises(UnknownNameError, match="SD_Q"):
        found.only(["SD_Q"])


def test_a_negative_form_that_is_named_exists_and_is_for_no_place_of_its_own() -> None:
    named = [find_format(name) for name in ("danbooru-tags", "illustrious-tags", "pony-tags")]
    for each in named:
        assert each is not None
        negative = find_format(each.negative)
        assert negative is not None
        assert negative.export_forms == ()
