"""Where the book is: what names it, what is refused, and what the staged settings say then."""

import subprocess

import pytest
import yaml

from tests.helpers import refused
from tools import address

HERE = "https://github.com/ada/vae-book"
PAGES = "https://ada.github.io/vae-book/"


def clone(folder, origin):
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    subprocess.run(["git", "-C", folder, "remote", "add", "origin", origin], check=True)
    return folder


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (None, None)),
        ({"BOOK_REPOSITORY": HERE}, (HERE, PAGES)),
        ({"BOOK_REPOSITORY": f"{HERE}/"}, (HERE, PAGES)),
        ({"BOOK_REPOSITORY": f"{HERE}.git"}, (HERE, PAGES)),
        ({"BOOK_REPOSITORY": ""}, (None, None)),
        (
            {"BOOK_REPOSITORY": "https://github.com/Ada/ada.github.io"},
            ("https://github.com/Ada/ada.github.io", "https://ada.github.io/"),
        ),
        ({"BOOK_URL": "https://example.org/vae"}, (None, "https://example.org/vae/")),
        (
            {"BOOK_REPOSITORY": HERE, "BOOK_URL": "https://example.org/"},
            (HERE, "https://example.org/"),
        ),
        (
            {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "ada/vae-book"},
            (HERE, PAGES),
        ),
        (
            {"GITHUB_SERVER_URL": "https://git.example.org", "GITHUB_REPOSITORY": "ada/vae-book"},
            (None, None),
        ),
    ],
)
def test_the_environment_names_the_addresses(tmp_path, environment, expected):
    assert address.find(tmp_path, environment) == expected


@pytest.mark.parametrize(
    "origin",
    [HERE, f"{HERE}.git", "git@github.com:ada/vae-book.git", "ssh://git@github.com/ada/vae-book"],
)
def test_a_clone_knows_where_it_came_from(tmp_path, origin):
    assert address.find(clone(tmp_path, origin), {}) == (HERE, PAGES)


def test_the_books_own_variable_comes_before_the_clone(tmp_path):
    other = {"BOOK_REPOSITORY": "https://github.com/grace/fork"}
    assert address.find(clone(tmp_path, HERE), other).repository == other["BOOK_REPOSITORY"]


@pytest.mark.parametrize("origin", ["/srv/vae-book", "https://example.org/ada/vae-book"])
def test_a_clone_from_elsewhere_has_no_address(tmp_path, origin):
    assert address.find(clone(tmp_path, origin), {}) == (None, None)


@pytest.mark.parametrize(
    "environment",
    [
        {"BOOK_REPOSITORY": "ada/vae-book"},
        {"BOOK_REPOSITORY": "https://github.com/ada"},
        {"BOOK_REPOSITORY": f"{HERE}/tree/main"},
        {"BOOK_REPOSITORY": "https://example.org/ada/vae-book"},
        {"BOOK_URL": "example.org"},
        {"BOOK_URL": "https://example.org/?page=1"},
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(tmp_path, environment):
    ((name, value),) = environment.items()
    pattern = {"BOOK_REPOSITORY": "https://github.com/OWNER/NAME", "BOOK_URL": "https://"}
    with refused(address.AddressError, name, repr(value), pattern[name]):
        address.find(tmp_path, environment)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "_config.yml"
    path.write_text("title: A book\nsphinx: {extra_extensions: [one], config: {two: 2}}\n")
    return path


def staged(path, repository, site):
    address.configure(path, address.Address(repository, site))
    return yaml.safe_load(path.read_text())


def test_without_an_address_nothing_that_needs_one_is_on(config):
    settings = staged(config, None, None)
    assert settings["sphinx"] == {"extra_extensions": ["one"], "config": {"two": 2}}
    assert "repository" not in settings
    assert "launch_buttons" not in settings


def test_with_a_repository_there_are_buttons_that_lead_to_the_launch_branch(config):
    settings = staged(config, HERE, PAGES)
    assert settings["repository"] == {"url": HERE, "branch": "launch"}
    assert {"binderhub_url", "colab_url"} < set(settings["launch_buttons"])
    assert settings["html"]["use_issues_button"] is True
    assert settings["html"]["baseurl"] == PAGES


def test_with_a_site_alone_there_are_cards_and_a_map_but_no_buttons(config):
    settings = staged(config, None, PAGES)
    assert settings["sphinx"]["extra_extensions"] == [
        "one",
        "sphinx_sitemap",
        "sphinxext.opengraph",
    ]
    assert settings["sphinx"]["config"]["two"] == 2
    assert settings["sphinx"]["config"]["ogp_site_url"] == PAGES
    assert "repository" not in settings


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ((None, None), {"BOOK_REPOSITORY", "BOOK_URL"}),
        ((None, PAGES), {"BOOK_REPOSITORY"}),
    ],
)
def test_what_is_missing_is_said_with_the_variable_that_would_tell(where, names):
    said = address.Address(*where).missing()
    assert {name for name in ("BOOK_REPOSITORY", "BOOK_URL") if name in said} == names
    assert said.count(". ") == 0


def test_with_both_addresses_nothing_is_missing():
    assert address.Address(HERE, PAGES).missing() is None
