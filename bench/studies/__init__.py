"""What is measured besides epochs: a module each, which the worker imports by name."""
