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
from callsheet.exports.syntax import LORA
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
Link = list[Any]
"""A node, and the number of its output."""


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
    loras, model, clip = _loras(text.text, name, checkpoint, numbers)
    links = {
        "model": model,
        "positive": [positive, 0],
        "negative": [negative, 0],
        "latent_image": [empty, 0],
    }
    negative_text = EXPORT.written(text.negative) if text.negative else ""
    return {
        checkpoint: _node(
            "CheckpointLoaderSimple", f"{name}: {_checkpoint(entry)}", ckpt_name=CHECKPOINT
        ),
        **loras,
        positive: _node("CLIPTextEncode", f"{name}: prompt", text=EXPORT.written(text), clip=clip),
        negative: _node("CLIPTextEncode", f"{name}: negative", text=negative_text, clip=clip),
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


def _loras(
    text: str, name: str, checkpoint: str, numbers: Iterator[int]
) -> tuple[dict[str, Node], Link, Link]:
    """A node for each LoRA that the text names, in a chain, and where its model and CLIP come from."""
    nodes: dict[str, Node] = {}
    model: Link = [checkpoint, 0]
    clip: Link = [checkpoint, 1]
    for found in LORA.found.finditer(text):
        node, file = str(next(numbers)), found[1].strip()
        for_clip = float(found[2] or 1)
        nodes[node] = _node(
            "LoraLoader",
            f"{name}: choose the file of the LoRA {file}",
            model=model,
            clip=clip,
            lora_name=f"{file}.safetensors",
            strength_model=float(found[3] or for_clip),
            strength_clip=for_clip,
        )
        model, clip = [node, 0], [node, 1]
    return nodes, model, clip


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
