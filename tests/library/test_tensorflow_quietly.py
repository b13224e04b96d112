"""TensorFlow starts without a word, and whatever it says when it fails is shown."""

import pytest


@pytest.mark.slow
def test_nothing_is_written_by_the_import_nor_by_the_first_operations(python):
    code = """if True:
        from vae_lib.tensorflow_quietly import keras, tf
        assert float(tf.reduce_sum(tf.ones((3, 3)) @ tf.ones((3, 3)))) == 27
        assert float(tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(1.0))) == 2
        assert keras.layers.Dense(2)(tf.ones((1, 3))).shape == (1, 2)
        import os, sys
        os.write(2, b"to descriptor 2 | ")
        print("to stderr", file=sys.stderr)
    """
    run = python(code)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "to descriptor 2 | to stderr\n")


def test_what_was_held_back_is_shown_when_the_import_fails(python, tmp_path):
    for name in ("keras", "tensorflow"):
        text = f"import os; os.write(2, b'{name} says why\\n')\n"
        tmp_path.joinpath(f"{name}.py").write_text(text)
    with tmp_path.joinpath("tensorflow.py").open("a") as file:
        file.write("raise ImportError('no such library')\n")
    code = """if True:
        import os
        try:
            import vae_lib.tensorflow_quietly
        except ImportError as error:
            os.write(2, f"raised: {error}".encode())
    """
    run = python(code, PYTHONPATH=str(tmp_path))
    assert run.stderr == "keras says why\ntensorflow says why\nraised: no such library"
    assert run.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("driver", [False, True])
def test_the_import_looks_for_devices_only_where_there_is_no_gpu(python, driver):
    code = """if True:
        import os, pathlib
        real, driver = pathlib.Path.exists, pathlib.Path("/proc/driver/nvidia/version")
        pathlib.Path.exists = lambda path: DRIVER if path == driver else real(path)
        from vae_lib.tensorflow_quietly import tf
        os.write(2, b"imported\\n")
        tf.ones(1) + 1
    """
    imported, *later = python(code.replace("DRIVER", str(driver))).stderr.splitlines()
    assert imported == "imported"
    assert any("cuInit" in line for line in later) == driver  # held back, or still to come
