"""Text for terminals of any encoding."""

import sys
from typing import TextIO

from vae_lib.support.files import naming

PLAIN = str.maketrans(
    {"✓": "+", "✗": "x", "○": "o", "…": "...", "→": "->", "−": "-", "–": "-", "·": "*", "×": "x"}
)


def visible(text: str) -> str:
    """Return a text with what a terminal would obey as Python writes it; lines stay lines.

    A name of a file or a class may hold what colors, wipes or turns around what stands beside it.
    """
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in text
    )


def say(text: str, file: TextIO | None = None) -> None:
    """Print a line, with nothing in it that a terminal obeys.

    Signs that the stream's encoding does not have become plain ones.

    Args:
        text: the line.
        file: where to, if not to standard output.
    """
    stream = file or sys.stdout
    text = visible(text)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    with naming("standard error" if stream is sys.stderr else "standard output"):
        print(text, file=stream, flush=True)
