"""Mistakes that the tests of kills must notice."""

TESTS = "tests/promises/test_kills.py"
BREAKS = [
    (
        "Two sweeps at once in one folder: the second is refused in a sentence.",
        f"{TESTS}::test_two_sweeps_do_not_fill_one_folder",
        "vae_lib/runs/command_line.py",
        "    with alone_in(out, another):",
        "    if another:",
    ),
    (
        "Two builds at once in one folder: the second is refused in a sentence.",
        f"{TESTS}::test_two_builds_do_not_work_in_one_folder",
        "tools/book.py",
        'with_resource(alone_in(ROOT / ".book", another))',
        "obj = another",
    ),
    (
        "A build that is killed alone leaves no chapter running.",
        f"{TESTS}::test_a_killed_build_takes_its_chapters_with_it",
        "vae_lib/support/alone.py",
        "os._exit(1)  # and",
        "pass  # and",
    ),
    (
        "A kept chapter whose text is brought up to date is the old one or the new, never half.",
        f"{TESTS}::test_a_kept_chapter_is_never_half_written",
        "tools/book.py",
        'write_text(result, nbformat.writes(now) + "\\n")',
        "nbformat.write(now, result)",
    ),
]
