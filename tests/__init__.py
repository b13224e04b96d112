"""Tests; CONTRIBUTING.md says which lie where."""
