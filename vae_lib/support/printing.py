"""Text for terminals of any encoding."""

import sys
from typing import TextIO

from vae_lib.support.files import naming

PLAIN = str.maketrans(
    {"✓": "+", "✗": "x", "○": "o", "…": "...", "→": "->", "−": "-", "–": "-", "·": "*", "×": "x"}
)


def say(text: str, file: TextIO | None = None) -> None:
    """Print a line; signs that the stream's encoding does not have become plain ones.

    Args:
        text: the line.
        file: where to, if not to standard output.
    """
    stream = file or sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    with naming("standard error" if stream is sys.stderr else "standard output"):
        print(text, file=stream, flush=True)
