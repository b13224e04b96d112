"""Mistakes that the tests of load must notice."""

TESTS = "tests/promises/test_load.py"
BREAKS = [
    (
        "A report of 2,000 runs takes less than 10 seconds of a processor and 500 MB: its tables "
        "have all of them, its figures the best.",
        f"{TESTS}::test_a_report_of_many_runs_takes_little_and_shows_the_best",
        "vae_lib/runs/figures.py",
        'return kinds.nlargest(MOST, "elbo").sort_index()',
        'return kinds.nsmallest(MOST, "elbo").sort_index()',
        "At index 0 diff: 'z_dim=21, seed 0'",
    ),
    (
        "A sweep of 500 short runs on a cluster whose workers are killed and added: every run is "
        "kept once, and started again there is nothing to do.",
        f"{TESTS}::test_a_cluster_that_changes_ends_every_run_once",
        "vae_lib/runs/sweep.py",
        "        del left[future]\n    if errors:",
        "        left.clear()\n        break\n    if errors:",
        "Right contains",
    ),
    (
        "A folder of 100,000 pictures is read with fewer than two copies in NumPy's memory; a "
        "copy is all pictures, four bytes for each color of a pixel.",
        f"{TESTS}::test_pictures_are_read_in_the_memory_of_a_few_copies",
        "vae_lib/data/pictures.py",
        "-(-len(images) // 1000))  # to save memory",
        "1)  # to save memory",
        "< ((2 * ",
    ),
    (
        "Training on them and judging takes less than one and a half copies more, and the linear "
        "model for comparison less than two and a half.",
        f"{TESTS}::test_many_pictures_are_trained_on_and_judged_in_the_memory_of_a_few_copies",
        "vae_lib/support/numbers.py",
        "    if numbers.dtype.itemsize > 8:",
        "    if numbers.dtype.itemsize:",
        "< 2.5",
    ),
]
