"""A graph of core nodes in ComfyUI's API format: a chain from checkpoint to picture for each prompt.

From `nodes.py` of Comfy-Org/ComfyUI and docs.comfy.org/development/api-development (both read
2026-11-23): nodes by id, each with `class_type` and `inputs`; a link is `[id, number of output]`.
"""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from callsheet.exports.export_format import ExportFormat
from callsheet.exports.image_size import image_size
from callsheet.exports.texts import settings_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.exports.prompt_set import ExportedPrompt, PromptSet, PromptText

CHECKPOINT = "choose-a-checkpoint.safetensors"
"""Which files a person has, nobody else knows; ComfyUI asks where the name is none of them."""

SAMPLING = {
    "seed": 0,
    "steps": 28,
    "cfg": 5.0,
    "sampler_name": "euler_ancestral",
    "scheduler": "normal",
    "denoise": 1.0,
}
"""Ours: a start within what the SDXL anime families and SD 3.5 are documented to use."""

Node = dict[str, Any]


def write(prompts: PromptSet) -> str:
    """One graph with a chain of its own for each prompt; they share nothing."""
    numbers = count(1)
    graph: dict[str, Node] = {}
    for entry, text in EXPORT.accepted(prompts):
        graph |= _chain(prompts, entry, text, numbers)
    return json.dumps(graph, ensure_ascii=False, indent=2) + "\n"


def _chain(
    prompts: PromptSet, entry: ExportedPrompt, text: PromptText, numbers: Iterator[int]
) -> dict[str, Node]:
    checkpoint, positive, negative, empty, sampler, decoded, saved = (
        str(next(numbers)) for _ in range(7)
    )
    width, height = image_size(entry, prompts)
    name = text.name.removesuffix(".prompt")
    negative_text = text.negative.text if text.negative else ""
    links = {
        "model": [checkpoint, 0],
        "positive": [positive, 0],
        "negative": [negative, 0],
        "latent_image": [empty, 0],
    }
    return {
        checkpoint: _node(
            "CheckpointLoaderSimple", f"{name}: {_checkpoint(entry)}", ckpt_name=CHECKPOINT
        ),
        positive: _node("CLIPTextEncode", f"{name}: prompt", text=text.text, clip=[checkpoint, 1]),
        negative: _node(
            "CLIPTextEncode", f"{name}: negative", text=negative_text, clip=[checkpoint, 1]
        ),
        empty: _node("EmptyLatentImage", f"{name}: size", width=width, height=height, batch_size=1),
        sampler: _node("KSampler", _sampler_title(name, entry), **links, **SAMPLING),
        decoded: _node("VAEDecode", f"{name}: decode", samples=[sampler, 0], vae=[checkpoint, 2]),
        saved: _node(
            "SaveImage",
            f"{name}: save",
            images=[decoded, 0],
            filename_prefix=f"{prompts.run}-{name.replace('.', '-')}",
        ),
    }


def _node(class_type: str, title: str, **inputs: Any) -> Node:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title}}


def _checkpoint(entry: ExportedPrompt) -> str:
    kind = f"{entry.label} {entry.version}".strip()
    return f"choose a checkpoint for {kind or entry.model}"


def _sampler_title(name: str, entry: ExportedPrompt) -> str:
    """The sampler's title: what the pack says is to be set, in the words that stand everywhere."""
    return f"{name}: {settings_sentence(entry.settings) or 'draw'}"


EXPORT = ExportFormat(
    name="comfyui",
    title="ComfyUI",
    suffix="comfyui.json",
    media_type="application/json",
    write=write,
    selective=True,
)
