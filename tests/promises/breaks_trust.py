"""For each promise about trust, a mistake that its test must notice."""

TESTS = "tests/promises/test_trust.py::"
BREAKS = [
    (
        "What is put into a built page does not run: seven ways of injecting a script were tried.",
        f"{TESTS}test_what_is_put_into_a_page_after_it_was_built_does_not_run",
        "tools/policy.py",
        "script-src 'self' 'unsafe-hashes' {hashes}; ",
        "script-src 'self' 'unsafe-inline'; ",
    ),
    (
        "A page's own scripts pass its policy, and what a chapter's text or a cell's output holds "
        "does not.",
        f"{TESTS}test_a_pages_own_scripts_run_and_what_a_text_or_an_output_holds_does_not",
        "tools/policy.py",
        'if tag.find_parent("article") is None:',
        "if True:",
    ),
    (
        "Nothing of a notebook runs in the page of its run, and the page asks no host for "
        "anything: outputs of eight kinds, all hostile, were tried.",
        f"{TESTS}test_nothing_of_a_notebook_runs_in_the_page_of_its_run",
        "vae_lib/runs/page.py",
        "script-src 'none'; ",
        "script-src 'unsafe-inline'; ",
    ),
    (
        "A run's parameters, names and errors full of HTML are text in the report.",
        "tests/runs/test_report.py::test_what_runs_say_is_text_and_never_markup",
        "vae_lib/runs/report.py",
        "autoescape=True",
        "autoescape=False",
    ),
    (
        "The words and the numbers of a panel stay text in the page.",
        f"{TESTS}test_a_panels_words_and_numbers_stay_text",
        "vae_lib/panels/panel.py",
        '.replace("<", "\\\\u003c")',
        '.replace("</", "<\\\\/")',
    ),
    (
        "A workflow names each action by the digest of its commit, reads the repository only, and "
        "writes in two jobs, which need it.",
        f"{TESTS}test_a_workflow_names_each_action_by_digest_and_may_do_the_least",
        ".github/workflows/random-sets.yml",
        "actions/checkout@34e114876b0b11c390a56381ad16ebd13914f8d5  # v4.3.1",
        "actions/checkout@v4",
    ),
    (
        "What others have written and this repository brings along is listed with version, "
        "license and hash: 41 files of three works.",
        f"{TESTS}test_what_was_brought_along_is_listed_with_version_license_and_hash",
        "tools/vendored.json",
        '"_static/icons.woff": "',
        '"_static/icons.woff": "0',
    ),
    (
        "The installer itself is installed by hash, and installs what the lock file names by hash.",
        f"{TESTS}test_uv_itself_is_installed_by_hash",
        "Makefile",
        "--require-hashes ",
        "",
    ),
]
