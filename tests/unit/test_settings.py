"""The environment is read once: settings of ours, providers' keys, and where runs are kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from callsheet.errors import InputError
from callsheet.llm.providers import (
    OWN_SERVER_KEY,
    PROVIDERS,
    choose_key,
    key_variables,
    parse_spec,
)
from callsheet.settings import VARIABLES, read_settings

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="paths of Linux")

HOME = {"HOME": "/home/someone"}


def test_an_empty_environment_leaves_everything_to_the_defaults() -> None:
    settings = read_settings(HOME)

    assert (settings.llm, settings.base_url, settings.max_cost) == (None, None, None)
    assert settings.environment == HOME
    assert settings.home == Path("/home/someone/.local/share/callsheet")


def test_without_an_argument_the_process_environment_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALLSHEET_LLM", "paste")

    assert read_settings().llm == "paste"


def test_an_empty_variable_is_as_good_as_none() -> None:
    settings = read_settings(HOME | dict.fromkeys([*VARIABLES, *key_variables()], ""))

    assert settings == read_settings(HOME)


@pytest.mark.parametrize(
    ("environment", "home"),
    [
        ({"CALLSHEET_HOME": "/data/runs"}, "/data/runs"),
        ({"CALLSHEET_HOME": "/data", "XDG_DATA_HOME": "/xdg"}, "/data"),
        ({"XDG_DATA_HOME": "/xdg"}, "/xdg/callsheet"),
        ({"CALLSHEET_HOME": "runs"}, "runs"),
    ],
)
def test_runs_are_stored_in_the_folder_from_the_environment(
    environment: dict[str, str], home: str
) -> None:
    assert read_settings(HOME | environment).home == Path(home)


def test_a_tilde_is_the_persons_folder(empty_home: Path) -> None:
    assert read_settings({"CALLSHEET_HOME": "~/runs"}).home == empty_home / "runs"
    assert read_settings({}).home == empty_home / ".local/share/callsheet"


def test_a_folder_of_an_unknown_user_is_rejected() -> None:
    with pytest.raises(InputError, match="no home folder is known for '~nobody-at-all/x'"):
        read_settings({"CALLSHEET_HOME": "~nobody-at-all/x"})


@pytest.mark.parametrize(
    ("text", "amount"), [("0.50", 0.5), ("0", 0.0), (" 2 ", 2.0), ("1e-3", 0.001)]
)
def test_an_amount_is_in_dollars(text: str, amount: float) -> None:
    assert read_settings(HOME | {"CALLSHEET_MAX_COST": text}).max_cost == amount


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "-inf", "1,5", "$2", "much", "1e999"])
def test_an_invalid_amount_is_rejected(text: str) -> None:
    with pytest.raises(InputError, match="CALLSHEET_MAX_COST cannot be"):
        read_settings(HOME | {"CALLSHEET_MAX_COST": text})


def test_keys_are_read_and_never_shown() -> None:
    keys = {name: f"canary-{name}" for name in (*key_variables(), OWN_SERVER_KEY)}

    settings = read_settings(HOME | keys | {"OTHER_API_KEY": "canary-other"})

    assert {name: settings.environment[name] for name in keys} == keys
    assert "canary" not in repr(settings)
    for provider in PROVIDERS.values():
        key = choose_key(parse_spec(provider.example), settings.environment)
        assert (key.variable if key else None) == next(iter(provider.key_names), None)


def test_every_environment_variable_is_described() -> None:
    assert all(name.startswith("CALLSHEET_") for name in VARIABLES)
    assert all(text.endswith(".") for text in VARIABLES.values())
