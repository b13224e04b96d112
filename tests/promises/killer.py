"""Ends a process at a moment of the test's choice: at an operation on a file, or halfway in one."""

import os
import resource
import signal
import sys

ON_FILES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir"}
FEW = 60  # bytes that are still written of a file that is cut short
KILLED = {-signal.SIGKILL, -signal.SIGXFSZ}  # exit codes


def watch(folder, at=0, halfway=False):
    """Kill the group of this process when it is about to do its operation `at` in a folder.

    Args:
        folder: in which operations on files count; so do those of deleting any folder.
        at: which; 0 kills nothing.
        halfway: kills rather after the first bytes of the next file that is then written.

    Returns:
        A list that grows by one for each operation.
    """
    seen = []
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python would go on, with an OSError

    def look(event, words):
        if event in ON_FILES and (str(words[0]).startswith(folder) or in_a_deleted(event, words)):
            seen.append(event)
            if len(seen) == at and halfway:
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                resource.setrlimit(resource.RLIMIT_FSIZE, (FEW, FEW))
            elif len(seen) == at:
                os.killpg(0, signal.SIGKILL)

    sys.addaudithook(look)
    return seen


def in_a_deleted(event, words):
    """Whether this is a part of deleting a folder, which names files by their folder's number."""
    return event in {"os.remove", "os.rmdir"} and words[1] != -1


def doomed(work, arguments, folder, at, halfway, counted):
    """Do work in a process that was forked for it, and write down its operations at the end."""
    os.setsid()  # a group of its own
    seen = watch(str(folder), at, halfway)
    work(*arguments)
    counted.write_text(str(len(seen)))
