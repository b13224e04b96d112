"""Machinery that the rest stands on: commands, files, weights, progress, the compiler."""
