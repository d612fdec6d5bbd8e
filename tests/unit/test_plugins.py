"""A package adds a module, a format, a provider and an export form, and each is used like ours.

Groups from packages have a file of their own: `test_group_packs.py`.
"""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from callsheet import plugins
from callsheet.authoring.scaffold import copy_workflow
from callsheet.errors import InputError, InternalError
from callsheet.plugins import EXPORTS, FORMATS, MODULES, PROVIDERS, ExtensionPoint
from tests.support.cli import Terminal
from tests.support.plugins import install, write_package

MODULE = '''"""Reverses a text."""
from callsheet.modules.contract import Done, Module, Values


class Inputs(Values):
    text: str


class Outputs(Values):
    text: str


async def run(inputs, context):
    return Done(Outputs(text=inputs.text[::-1]))


module = Module(Inputs, Outputs, run)
'''

FORMAT = '''"""A prompt in small letters."""
from callsheet.catalog.formats.format import Format, Rule


def find_faults(text):
    if text != text.lower():
        yield "case", "has capital letters; write it in small letters"


small = Format("small-letters", "Small letters.", (Rule("case", "No capital letters.", of="limit"),), find_faults)
'''

PROVIDER = '''"""An LLM that needs no network, and a server that speaks OpenAI's form."""
import json

from callsheet.llm.port import Reply, Usage
from callsheet.llm.providers import Provider


class EchoLLM:
    def __init__(self, name, key):
        self.spec, self.key = f"echo:{name}", key

    async def compose(self, request, heard=None):
        models = request.schema["properties"]["prompts"]["properties"]
        prompts = {
            model: f"{self.spec} with {self.key} writes for {model}: a heron at dawn, mist on still water"
            for model in models
        }
        return Reply(json.dumps({"prompts": prompts}), "stop", Usage(7, 0, 5, None), self.spec)


def open_echo(name, key):
    return EchoLLM(name, key)


echo = Provider(
    name="echo",
    title="Echo",
    example="echo:one",
    key_names=("ECHO_API_KEY",),
    factory="acme_kit.provider:open_echo",
)
acme = Provider(
    name="acme",
    title="Acme",
    example="acme:large",
    url="https://llm.acme.example/v1",
    key_names=("ACME_API_KEY",),
)
'''

EXPORT = '''"""One line for each text."""
from callsheet.exports.export_format import ExportFormat


def write(prompts):
    return "".join(f"{entry.model}: {text.text}\\n" for entry, text in lines.accepted(prompts))


lines = ExportFormat(
    "lines", "Lines", "lines.txt", "text/plain", write, selective=True, formats=("plain-tags",)
)
'''

POINTS = {
    MODULES.group: {"text.reverse": "acme_kit.module:module"},
    FORMATS.group: {"small-letters": "acme_kit.format:small"},
    PROVIDERS.group: {"echo": "acme_kit.provider:echo", "acme": "acme_kit.provider:acme"},
    EXPORTS.group: {"lines": "acme_kit.export:lines"},
}


@pytest.fixture
def acme(terminal: Terminal, tmp_path: Path) -> Terminal:
    """A terminal where the package `acme_kit` is installed."""
    site = tmp_path / "site"
    files = {
        "module.py": MODULE,
        "format.py": FORMAT,
        "provider.py": PROVIDER,
        "export.py": EXPORT,
    }
    write_package(site, "acme_kit", files)
    install(site, "acme_kit", POINTS)
    terminal.env["PYTHONPATH"] = f"{terminal.guard}:{site}"
    return terminal


def workflow(folder: Path, *modules: object, results: object) -> str:
    """A workflow with one step of these modules."""
    folder.mkdir()
    steps = [{"step_id": "only", "modules": modules}]
    document = {"workflow_id": folder.name, "name": "A test", "steps": steps, "results": results}
    (folder / "workflow.json").write_text(json.dumps(document))
    return str(folder)


FORM = {
    "module_id": "user.form",
    "inputs": {"fields": [{"key": "idea", "text": "What?"}]},
    "outputs_to_state": {"values": "brief"},
}


def test_a_module_of_a_package_runs_in_a_workflow(acme: Terminal, tmp_path: Path) -> None:
    use = {
        "module_id": "text.reverse",
        "inputs": {"text": "$state.brief.idea"},
        "outputs_to_state": {"text": "reversed"},
    }
    path = workflow(
        tmp_path / "mine", FORM, use, results={"prompts": {"texts": {"A": "$state.reversed"}}}
    )
    assert acme("check", path).status == 0
    result = acme("run", path, "--idea", "heron", "--json")
    assert result.status == 0, result.err
    assert result.json["prompts"]["texts"]["A"] == "noreh"


def test_a_format_of_a_package_judges_prompts_of_a_group(acme: Terminal, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    copy_workflow("studio", mine)
    file = mine / "schemas/image_generation/flux_2_schema.json"
    schema = json.loads(file.read_text())
    models = schema["properties"]["prompts"]["properties"]
    (model,) = models
    models[model]["format"] = "small-letters"
    file.write_text(json.dumps(schema))
    (mine / "examples/image_generation/flux_2.json").write_text(
        json.dumps(
            {
                "pass": [
                    {
                        "model": model,
                        "prompt": "a heron at dawn in shallow water, reeds and mist behind it, rings around its leg",
                    }
                ],
                "fail": [
                    {"model": model, "prompt": "A heron. " * 10, "rule": "small-letters: case"}
                ],
            }
        )
    )
    checked = acme("check", str(mine))
    assert checked.status == 0, checked.out
    (tmp_path / "prompt.txt").write_text(
        "A Heron at dawn in shallow water, reeds and mist behind it, rings around its leg"
    )
    linted = acme("lint", "prompt.txt", "--model", model, "--workflow", str(mine), "--json")
    assert [each["rule"] for each in linted.json] == ["small-letters: case"]
    result = acme("run", str(mine), "--idea", "A Heron", "--groups", "flux_2", "--json")
    assert [each["rule"] for each in result.json["problems"]] == ["small-letters: case"]


def test_a_provider_of_a_package_writes_with_its_own_key(acme: Terminal) -> None:
    words = ("run", "--idea", "a heron", "--groups", "sora", "--json", "--llm", "echo:one")
    missing = acme(*words)
    assert missing.status == 5
    assert "set ECHO_API_KEY" in missing.err
    acme.env["ECHO_API_KEY"] = "k1"
    result = acme(*words)
    assert result.status == 0, result.err
    assert result.json["llm"] == "echo:one"
    assert "echo:one with k1" in result.json["prompts"]["image_generation"]["SORA_2_A"]
    known = acme("run", "--idea", "x", "--groups", "sora", "--llm", "ecco:one")
    assert "echo:NAME" in known.err
    estimate = acme("estimate", "--groups", "sora", "--llm", "echo:one", "--json").json
    assert (estimate["exact"], estimate["selection"]["cost_usd"]) == (False, None)


def test_a_provider_with_a_url_is_called_in_openais_form(acme: Terminal) -> None:
    acme.env["ACME_API_KEY"] = "k2"
    result = acme("run", "--idea", "a heron", "--groups", "sora", "--llm", "acme:large")
    assert result.status == 5
    # No test reaches the network; the address is that of the table.
    assert "Acme cannot be reached" in result.err
    assert (
        "a base URL does not go with"
        in acme(
            "run", "--idea", "x", "--groups", "sora", "--llm", "acme:a", "--base-url", "http://x/v1"
        ).err
    )


def test_an_export_form_of_a_package_accepts_the_prompt_formats_that_it_names(
    acme: Terminal,
) -> None:
    result = acme("run", "--idea", "a heron", "--groups", "leonardo,sora")
    assert result.status == 0, result.err
    out = acme("export", "last", "--format", "lines")
    assert out.status == 0, out.err
    assert out.out.startswith("LEONARDO_ANIME_XL_A: ")
    assert "omitted, not written for Lines: SORA_2_A, SORA_1_A" in out.err
    assert "lines" in acme("export", "last", "--format", "line").err


def test_doctor_lists_what_is_built_in_and_what_is_installed(acme: Terminal) -> None:
    result = acme("doctor", "--json")
    assert result.status == 0, result.out
    found = {each["what"]: each for each in result.json}
    for what, ours, theirs in (
        ("modules", "user.form", "text.reverse"),
        ("formats", "plain-text", "small-letters"),
        ("providers", "openai", "echo"),
        ("export forms", "csv", "lines"),
    ):
        packages = {part["name"]: part["package"] for part in found[what]["parts"]}
        assert packages[ours] == ""
        assert packages[theirs] == "acme_kit 0.1"
        assert f"{theirs} (acme_kit 0.1)" in acme("doctor").out
    assert "oms/sora" in found["model groups"]["found"]
    assert "ECHO_API_KEY no" in found["keys"]["found"]


def test_doctor_says_why_a_part_cannot_be_used_and_the_others_stay_usable(
    acme: Terminal, tmp_path: Path
) -> None:
    broken = {
        plugins.GROUPS.group: {"nothing": "acme_kit"},
        MODULES.group: {"text.gone": "acme_kit.gone:module"},
        FORMATS.group: {"odd": "acme_kit.module:module"},
        PROVIDERS.group: {"other": "acme_kit.provider:echo", "openai": "acme_kit.provider:acme"},
        EXPORTS.group: {"lines": "acme_kit.export:missing"},
    }
    install(tmp_path / "site", "acme_kit", broken)
    result = acme("doctor", "--json")
    assert result.status != 0
    reasons = [(each["what"], each["found"]) for each in result.json if not each["well"]]
    assert [what for what, _ in reasons] == [
        "model groups", "modules", "formats", "providers", "providers", "export forms"
    ]  # fmt: skip
    text = " ".join(reason for _, reason in reasons)
    for words in (
        "the package `acme_kit` brings no `config.json`",
        "the module `text.gone` cannot be loaded: ModuleNotFoundError",
        "the format `odd` is not a `Format`, but Module",
        "`openai` is built in",
        "the provider `other` calls itself `echo`",
        "the export form `lines` cannot be loaded: AttributeError",
    ):
        assert words in text
    assert "✗ providers" in acme("doctor").out
    assert acme("run", "--idea", "a heron", "--groups", "sora").status == 0
    assert acme("export", "last", "--format", "md").status == 0


def test_every_extension_point_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/extending.md").read_text("utf-8")
    points = [each for each in vars(plugins).values() if isinstance(each, ExtensionPoint)]
    assert len(points) == 5
    for point in points:
        assert f"`{point.group}`" in page
        assert f"`{point.group}`" in (plugins.__doc__ or "")


def test_an_entry_of_another_type_is_rejected() -> None:
    entry = EntryPoint("a", "pathlib:Path", "callsheet.formats")
    with pytest.raises(InternalError, match="is not a `str`, but type"):
        FORMATS.load(entry, str)
    with pytest.raises(InputError, match="cannot be loaded"):
        FORMATS.load(EntryPoint("a", "no_such_package:x", "callsheet.formats"), str)
