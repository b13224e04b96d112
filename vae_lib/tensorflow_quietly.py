"""TensorFlow and Keras, imported without TensorFlow's start-up lines, and set for speed.

TensorFlow writes to file descriptor 2 while it is imported and while it first looks
for devices; no setting silences all of it. In a notebook those lines would sit above
the reader's first result. They are held back here, and shown when the import fails.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


@contextmanager
def _stderr_held_back() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; write it out if the block raises."""
    if sys.stderr is not None:
        sys.stderr.flush()
    with ExitStack() as opened:
        try:
            held = opened.enter_context(tempfile.TemporaryFile())
            terminal = os.dup(2)
        except OSError:  # a full disk; or a service, or a windowed program, that has no 2
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors still show
# XLA chooses 256 bits. Where a processor has 512, training is up to a tenth faster with them.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_prefer_vector_width=512")

# Keras computes with whatever KERAS_BACKEND or its file of settings says. The book is TensorFlow's.
os.environ["KERAS_BACKEND"] = "tensorflow"
with _stderr_held_back():
    import keras
    import tensorflow as tf

    # The first search for devices has a line of its own where it finds no GPU. Where there is one,
    # it is left for later: CUDA_VISIBLE_DEVICES counts until then.
    if not NVIDIA_DRIVER.exists():
        tf.config.list_physical_devices()

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Keras was imported with the backend {keras.backend.backend()!r}; vae_lib needs "
        "'tensorflow': import vae_lib first, or set KERAS_BACKEND=tensorflow"
    )

__all__ = ["keras", "tf"]
