"""Ways to train the same model: a module each, which the worker imports by name."""
