"""Measure how fast training is, beside other ways to train the same model: `python -m bench`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
