"""Processes that keep out of each other's way, and that do not outlive who began them."""

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout


@contextmanager
def alone_in(folder: Path, refused: Exception) -> Iterator[None]:
    """Let one process at a time work in a folder; however it ends, the folder is free again.

    The lock is one of the operating system's, which ends with its process; the file stays. Between
    machines it holds where their network file system passes locks on, as NFS does by default.

    Args:
        folder: made where it is not there.
        refused: raised where another process is at work there.

    Raises:
        OSError: nothing can be written there, or its file system knows no locks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".in-use")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise refused from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(folder)) from None
    try:
        if isinstance(lock, SoftFileLock):  # it became one: a mere file, which a kill would leave
            raise OSError(errno.ENOLCK, "its file system knows no locks", str(folder))
        yield
    finally:
        lock.release()


def end_with_parent() -> None:
    """End this process when its standard input closes: a pipe that its parent holds."""
    pipe = os.dup(0)  # whatever this process makes of its standard input later

    def wait() -> None:
        os.read(pipe, 1)  # nothing comes; it returns when the parent ends
        os._exit(1)  # and what this process began ends with it

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":  # python -m vae_lib.support.alone PROGRAM ARGUMENT ...
    end_with_parent()
    del sys.argv[0]
    (program,) = entry_points(group="console_scripts", name=sys.argv[0])
    sys.exit(program.load()())
