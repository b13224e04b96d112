"""For each promise about trust, a mistake that its test must notice."""

TESTS = "tests/promises/test_trust.py::"
BREAKS = [
    (
        "What is put into a built page does not run: eleven ways of injecting a script were tried.",
        f"{TESTS}test_what_is_put_into_a_page_after_it_was_built_does_not_run",
        "tools/policy.py",
        "script-src 'self' 'unsafe-hashes' {hashes}; ",
        "script-src 'self' 'unsafe-inline'; ",
        "where 'image' = ",
    ),
    (
        "A book is not built without its content security policy.",
        "tests/book/test_book_tool.py::test_a_book_is_typeset_once",
        "tools/book.py",
        "policy.protect(html)",
        "html.exists()",
        "assert 'Content-Security-Policy' in",
    ),
    (
        "A page's own scripts pass its policy, and what a chapter's text or a cell's output holds "
        "does not: seven ways of looking like the book's own were tried.",
        f"{TESTS}test_a_pages_own_scripts_run_and_what_a_text_or_an_output_holds_does_not",
        "tools/policy.py",
        "if is_data(script) or panel_program().fullmatch(script):",
        "if True:",
        "where 'script' = ",
    ),
    (
        "A title, a caption or an alternative text full of HTML stays text: on its page, on the "
        "others, and in what the search finds.",
        f"{TESTS}test_titles_captions_and_alternative_texts_full_of_html_are_text",
        "_ext/words.py",
        "nodes.title | nodes.caption",
        "nodes.caption",
        "in 'A title window.ran",
    ),
    (
        "Nothing of a notebook runs in the page of its run: hostile outputs of seven kinds were "
        "tried.",
        f"{TESTS}test_nothing_of_a_notebook_runs_in_the_page_of_its_run",
        "vae_lib/runs/page.py",
        "script-src 'none'; ",
        "script-src 'unsafe-inline'; ",
        "where 1 = evaluate('() => window.ran')",
    ),
    (
        "Such a page calls no host, and leads nowhere, until its reader clicks: eight ways of "
        "making it do so were tried.",
        f"{TESTS}test_the_page_of_a_run_asks_no_host_for_anything",
        "vae_lib/runs/page.py",
        "?:meta|link|",
        "?:link|",
        "('127.0.0.1'",
    ),
    (
        "A run's parameters, names and errors full of HTML are text in the report.",
        "tests/runs/test_report.py::test_what_runs_say_is_text_and_never_markup",
        "vae_lib/runs/report.py",
        "autoescape=True",
        "autoescape=False",
        "<title>A sweep of 3 runs: <img onerror",
    ),
    (
        "The words and the numbers of a panel stay text in the page.",
        f"{TESTS}test_a_panels_words_and_numbers_stay_text",
        "vae_lib/panels/panel.py",
        '.replace("<", "\\\\u003c")',
        '.replace("</", "<\\\\/")',
        "SyntaxError",
    ),
    (
        "If an output passes off a program as the numbers of a panel, the build refuses it.",
        f"{TESTS}test_a_panels_numbers_that_are_a_program_are_refused",
        "_ext/panels.py",
        "json.loads(found[1])",
        "str(found[1])",
        "DID NOT RAISE ValueError",
    ),
    (
        "A name of a folder that would color a terminal, wipe it, give it a title or turn its "
        "text around is shown, and not obeyed.",
        f"{TESTS}test_what_a_command_prints_of_a_hostile_name_is_printable",
        "vae_lib/support/printing.py",
        "if sign.isprintable() or",
        "if sign or",
        "first extra item: '\\x1b'",
    ),
    (
        "A workflow names each action by the hash of its commit, and may only read the "
        "repository, except for two jobs that must write.",
        f"{TESTS}test_a_workflow_names_each_action_by_digest_and_may_do_the_least",
        ".github/workflows/audit.yml",
        "actions/checkout@34e114876b0b11c390a56381ad16ebd13914f8d5  # v4.3.1",
        "actions/checkout@v4",
        "actions/checkout@v4",
    ),
    (
        "What others have written and this repository brings along is listed with version, "
        "license and hash: 41 files of 3 works.",
        f"{TESTS}test_what_was_brought_along_is_listed_with_version_license_and_hash",
        "tools/vendored.json",
        '"_static/icons.woff": "',
        '"_static/icons.woff": "0',
        "_static/icons.woff",
    ),
    (
        "The installer itself is installed by hash.",
        f"{TESTS}test_uv_itself_is_installed_by_hash",
        "Makefile",
        "--require-hashes ",
        "",
        "assert 0 == 1",
    ),
    (
        "Each file that may be installed is locked with its hash: 2,060 files of 228 packages.",
        f"{TESTS}test_each_locked_file_has_a_hash",
        "uv.lock",
        "sha256:e2012a474502f1e2251267062aae3114611f07df4224b6e06334c57b0f2ce87c",
        "",
        "assert False",
    ),
    (
        "Each week the locked packages are checked for known vulnerabilities.",
        f"{TESTS}test_known_vulnerabilities_are_asked_for_each_week",
        ".github/workflows/audit.yml",
        "0 4 * * 1",
        "0 4 1 * *",
        "[['1', '*']]",
    ),
]
