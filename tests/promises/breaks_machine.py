"""Mistakes that the tests of faults of the machine must notice."""

T = "tests/promises/test_machine.py"
BREAKS = [
    (
        "A full disk stops a training with the path of what it could not write; the checkpoints "
        "before stay, and from them it goes on to the same weights.",
        f"{T}::test_a_full_disk_stops_a_training_which_goes_on_from_the_checkpoint_before",
        "vae_lib/support/checkpoints.py",
        'with naming(path), part.open("wb") as file:',
        'with part.open("wb") as file:',
        "assert None == ",
    ),
    (
        "A full disk stops an evaluation in the same way, and nothing is left of the checkpoint "
        "that did not fit.",
        f"{T}::test_a_full_disk_stops_an_evaluation_which_goes_on_from_the_checkpoint_before",
        "vae_lib/support/checkpoints.py",
        "            part.unlink(missing_ok=True)",
        "            pass",
        "{'checkpoint.part': b''}",
    ),
    (
        "A model that is saved again on a full disk stays as it was saved before.",
        f"{T}::test_a_model_is_not_saved_over_one_before_where_there_is_no_room[limit]",
        "vae_lib/model.py",
        "        with replacing(path) as part:\n            super().save(part, **others)",
        "        super().save(path, **others)",
        "where there is no model",
    ),
    (
        "A training that writes pictures says which of them did not fit on the disk, and leaves "
        "no half of it.",
        f"{T}::test_a_picture_for_which_there_is_no_room_is_no_file[limit]",
        "vae_lib/plots.py",
        "        with replacing(path) as part:\n            figure.savefig(part)",
        "        figure.savefig(path)",
        "{'000.png': b''}",
    ),
    (
        "A sweep that a full disk stops says where, believes no run that was not kept whole, and "
        "goes on when there is room.",
        f"{T}::test_a_sweep_that_a_full_disk_stops_says_where_and_goes_on",
        "vae_lib/runs/sweep.py",
        "(METRICS, FAILURE, MODEL, NOTEBOOK):",
        "(FAILURE, MODEL, NOTEBOOK):",
        "'metrics.json').exists",
    ),
    (
        "A report for which the disk has no room leaves the one before.",
        f"{T}::test_a_report_for_which_there_is_no_room_leaves_the_one_before[limit]",
        "vae_lib/runs/report.py",
        'write_text(csv, table.to_csv(index=False, lineterminator="\\n"))',
        'csv.write_text(table.to_csv(index=False, lineterminator="\\n"))',
        "{'report.csv': b''}",
    ),
    (
        "A chapter that ran is not lost to a full disk.",
        f"{T}::test_a_chapter_that_ran_stays_where_there_is_no_room_to_keep_it",
        "tools/book.py",
        'write_text(results[name], nbformat.writes(notebook) + "\\n")',
        "nbformat.write(notebook, staging / name)",
        "DID NOT RAISE OSError",
    ),
    (
        "If the disk fills up while the book is written, no book is left, rather than half of one.",
        f"{T}::test_a_book_for_which_there_is_no_room_leaves_no_half_of_it",
        "tools/book.py",
        "except (BookError, OSError):",
        "except BookError:",
        "'_build/html').exists",
    ),
    (
        "A training whose folder may only be read is refused before it begins.",
        f"{T}::test_a_training_that_cannot_write_is_refused_before_any_work",
        "vae_lib/training.py",
        "tempfile.TemporaryFile(dir=folder).close()",
        "pass",
        "locked/000.png'",
    ),
    (
        "A command that meets a fault of the machine ends with one sentence: the place, the "
        "fault, and what to do.",
        f"{T}::test_a_program_that_cannot_write_says_where",
        "vae_lib/support/commands.py",
        "    except OSError as error:",
        "    except EOFError as error:",
        "locked/chapters/01-one.md'",
    ),
    (
        "A server that does not answer, or stops in the middle, is waited for less than 10 "
        "seconds.",
        "tests/data/test_data.py::test_the_waits_add_up_to_less_than_10_seconds",
        "vae_lib/data/download.py",
        "SILENCE_SECONDS = 4.0",
        "SILENCE_SECONDS = 40.0",
        "(5.0 + 40.0) < 10",
    ),
    (
        "A download that stalls is given up, and nothing of its file is kept.",
        "tests/data/test_data.py::test_a_download_that_fails_leaves_nothing[stalls]",
        "vae_lib/data/download.py",
        "timeout=SILENCE_SECONDS",
        "timeout=12",
        "monotonic",
    ),
    (
        "A login page that a network sends in place of the digits is refused and not kept.",
        "tests/data/test_data.py::test_another_file_from_the_server_is_an_error",
        "vae_lib/data/download.py",
        'f"sha256:{sha256}"',
        "None",
        "saved under this name",
    ),
    (
        "A proxy that refuses, hangs, or speaks another protocol is no network: the 5,000 digits "
        "of the package are taken, and the name of the data says so.",
        f"{T}::test_a_proxy_that_answers_for_the_server_is_no_network",
        "vae_lib/data/download.py",
        'raise OfflineError(f"{url} does not answer;',
        'raise DataError(f"{url} does not answer;',
        "DataError: https",
    ),
    (
        "Where no home folder is known, a sentence says so, and no folder of the name `~` is made.",
        f"{T}::test_without_a_home_nothing_is_written_where_nobody_looks",
        "vae_lib/data/__init__.py",
        "    except RuntimeError:",
        "    except KeyError:",
        "RuntimeError: Could not determine home directory.",
    ),
    (
        "A chapter with the line ends of Windows is the same chapter: it need not run again, and "
        "`python -m tools.pairs sync` brings back the usual ones.",
        f"{T}::test_a_chapter_with_the_line_ends_of_windows_is_the_same_chapter",
        "tools/pairs.py",
        "path.read_bytes() == text.encode()",
        'path.read_text("utf-8") == text',
        "where 0 = synced('check')",
    ),
    (
        "After the clock was set back, the whole book is set anew: a page that was edited in the "
        "meantime would look old.",
        f"{T}::test_a_book_is_set_anew_after_the_clock_was_set_back",
        "tools/book.py",
        "before.stat().st_mtime <= time.time()",
        "before.stat().st_mtime <= time.time() + 1e9",
        "old.html').exists",
    ),
    (
        "Checkpoints are told by their number, whatever the clock was.",
        f"{T}::test_checkpoints_are_told_by_their_number_whatever_the_clock_was",
        "vae_lib/support/checkpoints.py",
        '9}.npz"), reverse=True)',
        '9}.npz"), key=lambda p: -p.stat().st_mtime)',
        "assert array(1) == 5",
    ),
    (
        "A folder of pictures that would take more than half of the memory of a container is "
        "refused, whatever the machine around it has (Linux, cgroup v2).",
        f"{T}::test_pictures_that_a_container_does_not_hold_are_refused",
        "vae_lib/data/pictures.py",
        "memory = min(memory, int(",
        "memory = max(memory, int(",
        "DID NOT RAISE DataError",
    ),
    (
        "On one core, with 256 open files, without a home, under `LANG=C`, on a terminal of "
        "ASCII, in a folder with spaces, umlauts and quotes in its name, and without `/dev/shm` "
        "where the test may hide it: the library trains.",
        f"{T}::test_a_poor_machine_trains_and_keeps_all_that_it_should",
        "vae_lib/support/printing.py",
        "    except UnicodeEncodeError:",
        "    except UnicodeDecodeError:",
        "UnicodeEncodeError",
    ),
]
