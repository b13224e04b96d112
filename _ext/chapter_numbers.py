"""A chapter has the number that its file has, whatever stands before it in the book.

Sections, figures, equations and exercises take their first number from it.
"""

import re
from collections.abc import Callable
from functools import partialmethod
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.environment.collectors.toctree import TocTreeCollector

CHAPTER = re.compile(r"chapters/(\d+)-")


def renumber(env: BuildEnvironment, page: str) -> None:
    """Put the number of a page's file in the place of the one that was counted."""
    if not (match := CHAPTER.match(page)):
        return
    number = int(match[1])
    sections = env.toc_secnumbers[page]
    for anchor, counted in sections.items():
        sections[anchor] = (number, *counted[1:])
    for node in (env.titles[page], *env.tocs[page].findall(nodes.reference)):
        if node.get("secnumber"):
            node["secnumber"] = [number, *node["secnumber"][1:]]


def by_file(
    collector: TocTreeCollector, count: Callable[..., Any], env: BuildEnvironment
) -> list[str]:
    """Count as the collector did, then renumber; return the pages whose numbers have changed."""
    before = env.toc_secnumbers
    count(collector, env)
    for page in env.toc_secnumbers:
        renumber(env, page)
    return [page for page, found in env.toc_secnumbers.items() if found != before.get(page)]


def install(app: Sphinx) -> None:
    """Take the place of how Sphinx, and Jupyter Book's extensions of it, count."""
    collectors: list[Any] = [TocTreeCollector, *TocTreeCollector.__subclasses__()]
    for collector in collectors:
        count = collector.assign_section_numbers
        collector.assign_section_numbers = partialmethod(by_file, count)


def setup(app: Sphinx) -> dict[str, bool]:
    """Wait until the other extensions are loaded."""
    app.connect("builder-inited", install)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
