"""Build the book, and keep it in order: `python -m tools.book`, `python -m tools.pairs`."""
