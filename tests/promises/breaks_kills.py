"""Mistakes that the tests of kills must notice."""

TESTS = "tests/promises/test_kills.py"
BREAKS = [
    (
        "A sweep killed at an operation on a file, and started again, leaves the same files, byte "
        "for byte, as one that nothing has stopped, and no other.",
        f"{TESTS}::test_a_sweep_killed_at_any_operation_on_a_file_goes_on_to_the_same_files",
        "vae_lib/runs/command_line.py",
        "        clear_parts(point.folder)",
        "        pass",
    ),
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
        "A killed process leaves no lock behind.",
        f"{TESTS}::test_a_killed_process_leaves_a_folder_free",
        "vae_lib/support/alone.py",
        "FileLock(folder",
        '__import__("filelock").SoftFileLock(folder',
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
