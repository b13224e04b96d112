"""Where the book's repository and its pages are, for buttons, cards and the site map.

No address is written into the book: each clone, and each fork, has its own.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

REPOSITORY = "BOOK_REPOSITORY"
SITE = "BOOK_URL"
ON_GITHUB = re.compile(r"https://github\.com/([\w-]+)/([\w.-]+?)(?:\.git)?/?")
BY_SSH = re.compile(r"(?:ssh://)?git@github\.com[:/]")
WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?")
LAUNCH_BRANCH = "launch"  # what tools/launch.py writes is pushed there
CARD = "_static/card.png"


class AddressError(Exception):
    """An environment variable that holds no address, in one sentence."""


class Address(NamedTuple):
    """Addresses as far as they are known.

    Attributes:
        repository: https://github.com/OWNER/NAME, or None.
        site: where the built pages are, with a slash at its end, or None.
    """

    repository: str | None
    site: str | None

    def missing(self) -> str | None:
        """Say in a sentence what the book does without, and which variables would tell."""
        buttons = "buttons that launch a chapter or open an issue"
        if self.repository is None and self.site is None:
            what = f"{buttons}, nor a site map, nor cards for shared links"
            return f"The book has no {what}: neither {REPOSITORY} nor {SITE} says where it is."
        if self.repository is None:
            return f"The book has no {buttons}: {REPOSITORY} does not say where its source is."
        return None


def find(root: Path, environment: Mapping[str, str] = os.environ) -> Address:
    """Return the addresses that the environment names, or else those of the clone.

    Raises:
        AddressError: a variable of the book's holds something else.
    """
    repository = named(environment) or from_actions(environment) or of_clone(root)
    site = environment.get(SITE)
    if site and not WEB_ADDRESS.fullmatch(site):
        raise AddressError(f"{SITE} is {site!r}; it has to be like https://example.org/book/.")
    if repository and not site:
        site = on_pages(repository)
    return Address(repository, f"{site.rstrip('/')}/" if site else None)


def named(environment: Mapping[str, str]) -> str | None:
    """Return the repository that the book's own variable names."""
    value = environment.get(REPOSITORY)
    if not value:
        return None
    if found := github(value):
        return found
    raise AddressError(f"{REPOSITORY} is {value!r}; it has to be https://github.com/OWNER/NAME.")


def from_actions(environment: Mapping[str, str]) -> str | None:
    """Return the repository for which GitHub Actions runs."""
    parts = (environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"))
    return github("/".join(parts))


def of_clone(root: Path) -> str | None:
    """Return the repository that this one was cloned from, if that is on GitHub."""
    return github(BY_SSH.sub("https://github.com/", git(root, "remote", "get-url", "origin") or ""))


def github(address: str) -> str | None:
    """Return the plain form of a repository's address on GitHub; None if it is none."""
    match = ON_GITHUB.fullmatch(address)
    return f"https://github.com/{match[1]}/{match[2]}" if match else None


def on_pages(repository: str) -> str:
    """Return where GitHub Pages shows a repository's pages."""
    owner, name = repository.rsplit("/", 2)[1:]
    host = f"{owner.lower()}.github.io"
    return f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"


def git(root: Path, *arguments: str) -> str | None:
    """Return what git prints; None where it fails, or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", root, *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def configure(path: Path, address: Address) -> None:
    """Write the addresses into a copy of _config.yml, and turn on what needs them."""
    config: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    html, sphinx = config.setdefault("html", {}), config.setdefault("sphinx", {})
    if address.repository:
        config["repository"] = {"url": address.repository, "branch": LAUNCH_BRANCH}
        config["launch_buttons"] = {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        }
        html |= {"use_issues_button": True, "use_repository_button": True}
    if address.site:
        html["baseurl"] = address.site
        sphinx.setdefault("extra_extensions", []).extend(["sphinx_sitemap", "sphinxext.opengraph"])
        sphinx.setdefault("config", {}).update(
            sitemap_url_scheme="{link}",
            sitemap_excludes=["genindex.html", "search.html"],
            ogp_site_url=address.site,
            ogp_site_name=config["title"],
            ogp_image=CARD,
            ogp_image_alt="The book's title beside a map of generated digits.",
            ogp_custom_meta_tags=['<meta name="twitter:card" content="summary_large_image" />'],
        )
    path.write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), "utf-8")
