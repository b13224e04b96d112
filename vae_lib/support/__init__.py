"""Machinery that the rest stands on: files, progress, the compiler."""
