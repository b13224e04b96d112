"""Build the book, and keep it in order: `python -m tools.book`, `python -m tools.pairs`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
