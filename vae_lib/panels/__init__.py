"""What a reader can play with in a page and in JupyterLab: the explorer and the trainer."""
