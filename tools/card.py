"""The picture on the card of a shared link: the book's title beside the front picture."""

import io
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 630  # pixels, what the sites that show such cards ask for
MARGIN = 60
NAME, CLAIM = "Variational\nAutoencoders", "every equation runs"
FONT = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"  # comes with Matplotlib


def drawn(picture: bytes) -> bytes:
    """Return a card as a PNG, with a square picture."""
    card = Image.new("RGB", (WIDTH, HEIGHT), "white")
    with Image.open(io.BytesIO(picture)) as opened:
        square = opened.convert("RGBA").resize((HEIGHT, HEIGHT), Image.Resampling.LANCZOS)
    card.paste(square, (WIDTH - HEIGHT, 0), square)
    pen = ImageDraw.Draw(card)
    large, small = (ImageFont.truetype(FONT, size) for size in (62, 40))
    pen.multiline_text((MARGIN, 190), NAME, "#111111", large, spacing=16)
    pen.text((MARGIN, 400), CLAIM, "#0b5cc1", small)
    stream = io.BytesIO()
    card.save(stream, "PNG", optimize=True)
    return stream.getvalue()
