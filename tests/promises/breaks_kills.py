"""Mistakes that the tests of kills must notice."""

TESTS = "tests/promises/test_kills.py"
BREAKS = [
    (
        "A sweep of three runs, killed at any of its operations on files and started again, "
        "leaves the same files, byte for byte, as one that nothing has stopped.",
        f"{TESTS}::test_a_sweep_killed_at_any_operation_on_a_file_goes_on_to_the_same_files",
        "vae_lib/runs/sweep.py",
        "stale = ",
        "stale = ",
    ),
]
