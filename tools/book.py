"""Run the chapters, and typeset the book from exactly what ran.

python -m tools.book execute    run each chapter of which no fresh result is at hand
python -m tools.book build      the same, then typeset and check _build/html
python -m tools.book pdf        the same, then print it as one PDF

A result is fresh as long as the chapter's code, the library, uv.lock, the digits, and what
the page reads besides are what they were; it is kept under that key in .book/executed/.
An edited text runs nothing, and typesets its own page.
"""

import filecmp
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import nbformat

from tools import (
    ROOT,
    address,
    card,
    chapters,
    check_html,
    launch,
    pairs,
    panels,
    pdf,
    policy,
    prose,
)
from tools.chapters import BookError
from vae_lib.data import DataError
from vae_lib.runs.command_line import cores
from vae_lib.runs.freshness import FoundDigits, files_digest, find_digits, library_digest
from vae_lib.runs.notebook import figure_png
from vae_lib.runs.run import notebook_environment
from vae_lib.support.alone import alone_in
from vae_lib.support.commands import status_of
from vae_lib.support.files import clear_parts, write_text
from vae_lib.support.printing import say

CELL_TIMEOUT = 1200  # seconds; the longest cell trains for a fraction of it
REPORT = "report.xml"
FRONT_PICTURE = ("07-latent-space", "fig-manifold")  # index.md shows it, and the explorer
# Headings, labels, labels of equations and exercises, citations.
SEEN = re.compile(r"^#.*|^\(.*\)=$|\$\$ \(.*\)|^:label:.*|\{cite:.\}`[^`]*`", re.MULTILINE)
KEPT_RESULTS = 3  # of each chapter, so that going back to other digits runs nothing


def digits_at_hand() -> FoundDigits:
    """Find the digits once: no kernel need try the network."""
    try:
        digits = find_digits()
    except DataError as error:
        raise BookError(str(error)) from error
    print(f"Digits: {digits.about}", flush=True)
    return digits


def chapters_in_step(root: Path) -> list[Path]:
    """Return the chapters' notebooks; an edit to one half of a pair only is not built."""
    sources = chapters.sources(root / "chapters")
    for source in sources:
        if difference := pairs.drift(source):
            raise BookError(f"chapters/{source.name}: not in step: {difference}; {pairs.REMEDY}")
    return [source.with_suffix(".ipynb") for source in sources]


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def result_path(root: Path, chapter: Path, digits: FoundDigits) -> Path:
    """Return where a chapter's executed copy is kept: its outputs have no part in the key."""
    code = prose.code_of(prose.with_probes(read(chapter)))
    content = [(cell.source, cell.metadata.get("tags")) for cell in code]
    reads = launch.pages_of_a_clone(root).get(f"chapters/{chapter.stem}", [])
    others = [path for pattern in reads for path in root.glob(pattern) if path.is_file()]
    sources = [library_digest(root), files_digest(root, others)]
    parts = json.dumps([content, sources, digits.label], sort_keys=True)
    key = hashlib.sha256(parts.encode()).hexdigest()[:16]
    return root / ".book/executed" / f"{chapter.stem}-{key}.ipynb"


def execute(root: Path, digits: FoundDigits) -> dict[str, Path]:
    """Run the stale chapters; return each chapter's executed copy by the chapter's name."""
    clear_parts(root / ".book/executed")
    results = {c: result_path(root, c, digits) for c in chapters_in_step(root)}
    stale = [chapter for chapter, result in results.items() if not result.exists()]
    if not stale:
        print(f"Nothing to run: the results of all {len(results)} chapters are fresh.")
    else:
        staging = stage(root, stale)
        run_notebooks(staging, digits)
        failed = keep_passed(staging, {c.name: results[c] for c in stale})
        prune(set(results.values()), root / ".book/executed")
        if failed:
            names = ", ".join(failed)
            raise BookError(f"failed: {names}; the copies that ran are in .book/staging/")
    for chapter, result in results.items():
        follow_text(chapter, result)
    return {chapter.stem: result for chapter, result in results.items()}


def follow_text(chapter: Path, result: Path) -> None:
    """Give a kept result the chapter's text as it is now, and what else runs nothing."""
    ran = read(result)
    now = prose.with_outputs(prose.with_probes(read(chapter)), ran)
    if now != ran:
        write_text(result, nbformat.writes(now) + "\n")


def stage(root: Path, stale: list[Path]) -> Path:
    """Copy chapters into an empty folder, where running them changes no source."""
    staging = root / ".book/staging"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for chapter in stale:
        nbformat.write(prose.with_probes(read(chapter)), staging / chapter.name)
    return staging


def run_while_here(words: Sequence[str | Path], **how: Any) -> int:
    """Run a program of this environment, which ends when we do; return its exit status."""
    command = [sys.executable, "-m", "vae_lib.support.alone", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, **how) as process:
        return process.wait()


def run_notebooks(staging: Path, digits: FoundDigits) -> None:
    """Run all notebooks of a folder in place, two at a time; pytest reports on the terminal."""
    at_once = min(2, len(list(staging.iterdir())))
    # They share the cores: with all threads each, those of one wait for those of the other.
    threads = dict.fromkeys(
        ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"), str(max(1, cores() // at_once))
    )
    environment = notebook_environment(staging.parent) | threads
    environment["VAE_LIB_MNIST"] = digits.setting
    # The project's pytest settings are for tests: here no file of settings counts.
    command = ["pytest", "-c", os.devnull, f"--rootdir={staging}"]
    command += ["-p", "no:cacheprovider", "--no-header", f"--junitxml={staging / REPORT}"]
    command += [f"-n{at_once}" if at_once > 1 else "-n0"]
    command += ["--nbmake", "--nbmake-kernel=python3", f"--nbmake-timeout={CELL_TIMEOUT}"]
    # Not checked: the report tells which chapters passed.
    run_while_here([*command, "--overwrite", staging], cwd=staging, env=environment)


def keep_passed(staging: Path, results: dict[str, Path]) -> list[str]:
    """Move the copies that ran to the end to where they are kept; return the others' names."""
    report = staging / REPORT
    passed = {}
    if report.exists():  # else pytest itself was stopped, and nothing passed
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 (pytest wrote it)
            if len(case) == 0:  # no failure, error or skip in it
                passed[case.attrib["name"]] = float(case.attrib["time"])
    for name, seconds in sorted(passed.items()):
        notebook = read(staging / name)
        print(f"{seconds:7.0f} s  {name}")
        if solved := [f"{name}: {fault}" for fault in prose.solved_exercises(notebook)]:
            print("\n".join(solved), file=sys.stderr)
            continue
        notebook.metadata.run = {"seconds": seconds}
        results[name].parent.mkdir(exist_ok=True)
        nbformat.write(notebook, staging / name)
        (staging / name).replace(results[name])
    return sorted(name for name in results if (staging / name).exists())


def prune(fresh: set[Path], folder: Path) -> None:
    """Delete old results, all but the newest few of each chapter."""
    by_age = sorted(folder.glob("*.ipynb"), key=lambda p: p.stat().st_mtime, reverse=True)
    for chapter in {path.stem.rpartition("-")[0] for path in by_age}:
        mine = [path for path in by_age if path.stem.rpartition("-")[0] == chapter]
        for path in set(mine[KEPT_RESULTS:]) - fresh:
            path.unlink()


def figure(chapter: Path, name: str) -> bytes:
    """Return the PNG of an executed chapter's figure, by its name."""
    png = figure_png(read(chapter), name)
    if png is None:
        raise BookError(f"{chapter.name} has no figure named {name}")
    return png


def explorer(chapter: Path) -> str:
    """Return the panel that a chapter explores its model with, for the front page."""
    if (html := panels.front_explorer(read(chapter))) is None:
        raise BookError(f"{chapter.name} has no explorer")
    return html


def published(result: Path) -> nbformat.NotebookNode:
    """Return a chapter as the book shows it: numbers in its prose, and how long it takes."""
    notebook = panels.without_kernel(read(result))
    run = notebook.metadata.pop("run")
    notebook = prose.settled(notebook)
    line = (
        f"About {prose.reading_minutes(notebook):.0f} minutes to read. It ran in "
        f"{run.seconds:.0f} seconds when the book was built, two chapters at a time on "
        f"{cores()} cores."
    )
    return prose.with_times(notebook, line)


def assemble(root: Path, results: dict[str, Path]) -> Path:
    """Lay out what Jupyter Book reads: the pages of the toc, the chapters as they ran.

    Files that are as they were keep their times, so that Sphinx reads only the others.
    """
    source, fresh = root / ".book/source", root / ".book/source.new"
    shutil.rmtree(fresh, ignore_errors=True)
    (fresh / "chapters").mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml", "references.bib"):
        shutil.copy(root / name, fresh)
    for name in ("_ext", "_static", "_vendor"):
        shutil.copytree(root / name, fresh / name, ignore=shutil.ignore_patterns("__pycache__"))
    for page in chapters.pages_of(root):
        folder, _, name = page.rpartition("/")
        original = results.get(name) if folder == "chapters" else root / f"{page}.md"
        if original is None or not original.exists():
            raise BookError(f"_toc.yml names {page}, but there is no such page")
        if folder == "chapters":
            nbformat.write(published(original), fresh / f"{page}.ipynb")
        else:
            shutil.copy(original, fresh / f"{page}{original.suffix}")
    picture = figure(results[FRONT_PICTURE[0]], FRONT_PICTURE[1])
    (fresh / "front.png").write_bytes(picture)
    (fresh / "front.html").write_text(explorer(results[FRONT_PICTURE[0]]))
    (fresh / address.CARD).write_bytes(card.drawn(picture))
    where = address.find(root)
    address.configure(fresh / "_config.yml", where)
    if missing := where.missing():
        print(missing)
    keep_times(source, fresh)
    shutil.rmtree(source, ignore_errors=True)
    return fresh.replace(source)


def keep_times(old: Path, new: Path) -> None:
    """Give each new file that is as the old one was its time, too."""
    for path in new.rglob("*"):
        before = old / path.relative_to(new)
        if path.is_file() and before.is_file() and filecmp.cmp(path, before, shallow=False):
            shutil.copystat(before, path)


def others_see(page: Path) -> list[str]:
    """Return what other pages show of a page: headings, labels, captions, numbers, citations."""
    if page.suffix == ".md":
        return SEEN.findall(page.read_text("utf-8"))
    cells = read(page).cells
    figures = [cell.metadata.get("mystnb", {}).get("figure") for cell in cells]
    return [*SEEN.findall("\n".join(cell.source for cell in cells)), json.dumps(figures)]


def outline(root: Path, source: Path) -> str:
    """Digest all that shows on more pages than one: while it is the same, a page stands alone."""
    pages = [source / f"{page}.md" for page in chapters.pages_of(root) if page != "glossary"]
    pages = [path if path.exists() else path.with_suffix(".ipynb") for path in pages]
    files = [path for path in source.rglob("*") if path.is_file() and path not in pages]
    files += [root / "uv.lock", *(root / "tools").glob("*.py")]
    return json.dumps([files_digest(root, files), *map(others_see, pages)])


def typeset(root: Path, source: Path) -> Path:
    """Run Jupyter Book, any warning being a failure; return the folder of checked pages.

    Where only the text of a page has changed, only that page is set anew.
    """
    say("Typesetting the book …")
    output, now = root / ".book/output", outline(root, source)
    pages, before = output / "_build/html", output / "outline.json"
    # The map of the site would name only the pages that are set anew.
    stands = before.exists() and before.read_text() == now and not (pages / "sitemap.xml").exists()
    if not stands:
        shutil.rmtree(output, ignore_errors=True)
    before.unlink(missing_ok=True)  # after a failure all is set anew: Sphinx warns only once
    strict = ["-W", "-n", "--keep-going", "--quiet"]
    # What it says on stdout is where this intermediate folder lies; warnings are on stderr.
    words: list[str | Path] = ["jupyter-book", "build", source, "--path-output", output, *strict]
    if run_while_here(words, stdout=subprocess.DEVNULL) != 0:
        raise BookError("Jupyter Book warned or failed: see above")
    if found := check_html.faults(pages, source, root / ".book/pages.json"):
        raise BookError("\n".join([*found, f"{len(found)} faults in {pages.relative_to(root)}"]))
    before.write_text(now)
    return pages


def digest_of(root: Path, source: Path) -> str:
    """Digest what the built book depends on."""
    inputs = [path for path in source.rglob("*") if path.is_file()]
    return files_digest(root, [*inputs, root / "uv.lock", *(root / "tools").glob("*.py")])


def build(root: Path, digits: FoundDigits) -> None:
    """Bring _build/html up to date; after a failure there is none, rather than an old one."""
    html = root / "_build/html"
    stamp = html / ".inputs"
    try:
        source = assemble(root, execute(root, digits))
        digest = digest_of(root, source)
        if stamp.exists() and stamp.read_text() == digest:
            print("Nothing to typeset: the book is fresh.")
        else:
            pages = typeset(root, source)
            shutil.rmtree(html, ignore_errors=True)
            shutil.copytree(pages, html)
            policy.protect(html)
            stamp.write_text(digest)
    except BookError:
        shutil.rmtree(html, ignore_errors=True)
        raise
    launch.write_copies(root, source, html)


@click.group()
def program() -> None:
    """Run the chapters, and typeset the book from exactly what ran."""
    address.find(ROOT)  # a variable that names no address is refused before any work
    another = BookError(f"another build is at work in {ROOT / '.book'}; it may end first")
    click.get_current_context().with_resource(alone_in(ROOT / ".book", another))


@program.command("execute")
def execute_chapters() -> None:
    """Run each chapter of which no fresh result is at hand."""
    execute(ROOT, digits_at_hand())


@program.command("build")
def build_book() -> None:
    """Run the chapters, then typeset and check _build/html."""
    build(ROOT, digits_at_hand())


@program.command("pdf")
def print_book() -> None:
    """Build the book, then print it as one PDF that its front page links to."""
    build(ROOT, digits_at_hand())
    pdf.add_pdf(ROOT / "_build/html", ROOT / ".book/source")


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    return status_of(program, words, failed=(BookError, address.AddressError))


if __name__ == "__main__":
    sys.exit(main())
