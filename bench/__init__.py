"""Measure how fast training is, beside other ways to train the same model: `python -m bench`."""
