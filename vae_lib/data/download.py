"""A download that ends: whole and verified, or with one clear error and nothing left behind."""

import contextlib
import threading
from pathlib import Path

from vae_lib.data.archive import DataError
from vae_lib.support.progress import progress_bar

# The longest wait for a network that is not there is the sum of the two.
ANSWER_SECONDS = 5.0  # for any answer at all, name look-up included
SILENCE_SECONDS = 4.0  # for the next piece of the download


class OfflineError(DataError):
    """The download did not come about: no network, no answer, or no place to keep it."""


def download_file(url: str, sha256: str, size: int, path: Path, remedy: str) -> None:
    """Download `url` to `path`, under a progress bar.

    Args:
        url: what to download.
        sha256: its digest.
        size: its size in bytes, for the progress bar.
        path: the file to write; its folder is made.
        remedy: what a reader can do when the download fails.

    Raises:
        OfflineError: the download did not come about; it may another time.
        DataError: the server delivered another file, which is not kept.
    """
    # Imported here, and not under the time limit below: digits at hand need no download.
    import pooch

    if not _answers(url):
        raise OfflineError(f"{url} does not answer; connect to a network, or {remedy}.")
    pooch.get_logger().setLevel("WARNING")  # its line would show the reader's path on a page
    with progress_bar(size, desc=path.name, unit="B", unit_scale=True, leave=False) as bar:
        fetch = pooch.HTTPDownloader(progressbar=bar, timeout=SILENCE_SECONDS)
        try:
            pooch.retrieve(url, f"sha256:{sha256}", path.name, path.parent, downloader=fetch)
        except OSError as error:  # every error of requests is one, too
            fault = f"{url} could not be downloaded to {path} ({error})"
            raise OfflineError(f"{fault}; try again later, or {remedy}.") from None
        except ValueError:
            fault = f"{url} delivered another file than expected (wrong SHA-256; it is not kept)"
            raise DataError(f"{fault}; try another network, or {remedy}.") from None


def _answers(url: str) -> bool:
    """Find out whether a server answers within `ANSWER_SECONDS`, be it with a refusal.

    Looking up its name has no time limit of its own: hence a thread, which may be left behind.
    """
    import pooch

    answers = []

    def ask() -> None:
        with contextlib.suppress(OSError):
            head = pooch.HTTPDownloader(timeout=ANSWER_SECONDS)
            answers.append(head(url, None, None, check_only=True))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    return bool(answers)
