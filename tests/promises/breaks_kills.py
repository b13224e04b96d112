"""Mistakes that the tests of kills must notice."""

TESTS = "tests/promises/test_kills.py"
WORK = f"{TESTS}::test_killed_work_goes_on_to_the_same_bits"

BREAKS = [
    (
        "A training with a checkpoint folder, killed at random moments, also halfway in a file, "
        "and started again, ends with the same weights, to the last bit.",
        f"{WORK}[training]",
        "vae_lib/support/checkpoints.py",
        'part = self._folder / "checkpoint.part"',
        'part = self._folder / f"checkpoint-{iteration:09d}.npz"',
        "assert 1 in {",
    ),
    (
        "It goes on from its last checkpoint: what was done before is not done again.",
        f"{WORK}[training]",
        "vae_lib/support/checkpoints.py",
        "        paths = self.paths()\n        if not paths:\n            return None\n",
        "        if not (paths := self.paths()[:0]):\n            return None\n",
        "assert 0",
    ),
    (
        "An importance-weighted evaluation with a checkpoint folder, killed at random moments and "
        "started again, goes on, and ends with the same bounds.",
        f"{WORK}[evaluating]",
        "vae_lib/evaluation.py",
        'self.drawn = int(arrays["drawn"])',
        'self.drawn = max(0, int(arrays["drawn"]) - 1)',
        "NUMPY",
    ),
    (
        "`make reproduce`, shortened, killed at random moments and started again, goes on, and "
        "ends with the same record.",
        f"{WORK}[reproducing]",
        "vae_lib/training.py",
        '{name: [*arrays[f"report {name}"]] for name in self.reports}',
        "{name: [] for name in self.reports}",
        '{"summary":',
    ),
    (
        "A sweep killed at random moments, also halfway in a file, and started again, ends with "
        "the same files.",
        f"{TESTS}::test_a_killed_sweep_goes_on_to_the_same_files",
        "vae_lib/runs/command_line.py",
        "        clear_parts(point.folder)\n",
        "        point.folder.exists()\n",
        ".part-",
    ),
    (
        "Two sweeps at once in one folder: the second is refused in a sentence.",
        f"{TESTS}::test_two_sweeps_do_not_fill_one_folder",
        "vae_lib/runs/command_line.py",
        "    with alone_in(out, another):",
        "    if another:",
        "assert 0 == 2",
    ),
    (
        "Two builds at once in one folder: the second is refused in a sentence.",
        f"{TESTS}::test_two_builds_do_not_work_in_one_folder",
        "tools/book.py",
        'with_resource(alone_in(ROOT / ".book", another))',
        "obj = another",
        "assert 0 == 1",
    ),
    (
        "Two evaluations at once in one folder: the second is refused in a sentence.",
        f"{TESTS}::test_two_evaluations_do_not_share_a_folder",
        "vae_lib/support/checkpoints.py",
        "alone_in(self._folder, another)",
        "alone_in(self._folder / str(id(self)), another)",
        "DID NOT RAISE ValueError",
    ),
    (
        "Two trainings at once in one folder: the second is refused in a sentence.",
        "tests/library/test_checkpoints.py::test_two_trainings_do_not_share_a_folder",
        "vae_lib/support/checkpoints.py",
        "alone_in(self._folder, another)",
        "alone_in(self._folder / str(id(self)), another)",
        "DID NOT RAISE ValueError",
    ),
    (
        "Two reproductions at once share a record, and refuse in a sentence to share a seed.",
        f"{TESTS}::test_two_reproductions_share_a_record_but_not_a_seed",
        "reproduction/record.py",
        "{**seeds_in(path, settings), str(seed): one}",
        "{str(seed): one}",
        "{'0': 80.0}",
    ),
    (
        "A folder on a disk that knows no file locks is refused, and no lock stays behind.",
        f"{TESTS}::test_a_folder_that_cannot_be_locked_is_refused",
        "vae_lib/support/alone.py",
        "if isinstance(lock, SoftFileLock):",
        "if lock is None:",
        "DID NOT RAISE ValueError",
    ),
    (
        "A build that is killed alone leaves no chapter running.",
        f"{TESTS}::test_a_killed_build_takes_its_chapters_with_it",
        "vae_lib/support/alone.py",
        "os._exit(1)  # and",
        "pass  # and",
        "what was waited for did not come",
    ),
    (
        "A build of the book, here a small one, killed while chapters ran or pages were made, and "
        "started again, ends with the same pages.",
        f"{TESTS}::test_a_killed_build_goes_on_to_the_same_book",
        "tools/book.py",
        "            shutil.copytree(pages, html)\n"
        "            policy.protect(html)\n"
        '            stamp.write_text(digest, "utf-8")\n',
        "            html.mkdir(parents=True)\n"
        '            stamp.write_text(digest, "utf-8")\n'
        "            shutil.copytree(pages, html, dirs_exist_ok=True)\n"
        "            policy.protect(html)\n",
        "search.html",
    ),
    (
        "A chapter's result, kept for the next build, is never half written.",
        f"{TESTS}::test_a_kept_chapter_is_never_half_written",
        "tools/book.py",
        'write_text(result, nbformat.writes(now) + "\\n")',
        "nbformat.write(now, result)",
        'b\'{\\n "cells"',
    ),
    (
        "The book as a PDF is whole, and the front page links to it, also after a kill before "
        "either of the two was in its place.",
        f"{TESTS}::test_a_pdf_is_whole_and_the_front_page_links_to_it",
        "tools/pdf.py",
        "if MARK not in front:",
        "if (html / NAME).exists():",
        "'variational-autoencoders.pdf' in",
    ),
    (
        "A built book that is half deleted is not taken for a fresh one.",
        f"{TESTS}::test_a_book_that_is_half_deleted_is_not_taken_for_a_fresh_one",
        "tools/book.py",
        "    (html / STAMP).unlink(missing_ok=True)\n",
        "    assert STAMP\n",
        "'.inputs').exists",
    ),
    (
        "Networks of your own go on, too, also if their weights start by chance in each process.",
        "tests/library/test_checkpoints.py::test_networks_that_start_by_chance_go_on",
        "vae_lib/training.py",
        '"by chance" if starts_by_chance(config) else digest',
        "digest",
        "is of another training",
    ),
]
