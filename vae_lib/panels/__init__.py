"""What a reader can play with in a page and in JupyterLab: explore, train, compare, complete."""

from importlib.util import find_spec

if find_spec("anywidget") is None:
    raise ModuleNotFoundError(
        "vae_lib.panels needs anywidget: pip install '.[notebook]' in a clone of the book",
        name="anywidget",
    )
