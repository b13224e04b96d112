"""The numbered chapters, and the numbers that nobody may type into them."""

import re

from tests.helpers import ROOT

CHAPTERS = sorted((ROOT / "chapters").glob("[0-9]*.md"))
# Numbers of this kind are computed where they stand: {eval}`f"{floor:.1f}"`.
MEASURED = re.compile(r"\d+(?:\{,\})?\.\d+|\d+ ?\\?%|\d ?nats?\b")
