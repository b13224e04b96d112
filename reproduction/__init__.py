"""Published log-likelihoods, trained and measured again: `python -m reproduction`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
