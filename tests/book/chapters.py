"""The numbered chapters, and the numbers that nobody may type into them."""

import re

from tests.helpers import ROOT
from tools.chapters import sources

CHAPTERS = [path for path in sources(ROOT / "chapters") if path.name[0].isdigit()]
# Numbers of this kind are computed where they stand: {eval}`f"{floor:.1f}"`.
MEASURED = re.compile(r"\d+(?:\{,\})?\.\d+|\d+ ?\\?%|\d ?nats?\b")
