"""The page of licences is true of the versions that it names, wherever these are installed."""

from __future__ import annotations

from docgen.installed import (
    PRODUCT,
    canonical,
    direct_dependencies,
    licence_of,
    plain_install,
    size_of,
)
from docgen.licences import listed


def test_every_package_that_callsheet_itself_requires_is_on_the_page() -> None:
    assert direct_dependencies() <= listed().keys()


def test_a_package_of_the_version_on_the_page_has_the_licence_on_the_page() -> None:
    page = listed()
    for name, package in plain_install().items():
        if name in page and page[name][0] == package.version:
            assert page[name][1] == licence_of(package), name


def test_what_the_versions_on_the_page_require_is_on_the_page_too() -> None:
    """Versions that appear later may require more: that makes nothing on the page untrue."""
    page = listed()
    required = plain_install(lambda each: page.get(canonical(each.name), ("",))[0] == each.version)
    assert required.keys() - {PRODUCT} <= page.keys(), "run `python -m docgen.licences`"


def test_no_licence_is_missing_and_none_binds_those_who_use_callsheet() -> None:
    for name, (_, licence) in listed().items():
        assert licence not in ("not stated", "not installed here"), name
        assert "GPL" not in licence, name


def test_a_plain_installation_has_neither_extras_nor_what_tests_need() -> None:
    packages = plain_install()
    assert {"click", "openai", "pydantic-core"} <= packages.keys()
    assert not {"dbos", "psycopg", "pytest", "ruff"} & packages.keys()
    assert size_of(packages["click"]) > 100_000
