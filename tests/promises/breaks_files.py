"""Mistakes that the tests of damaged files must notice."""

T = "tests/promises/test_files.py::test_a_damaged_file_is_right_or_refused"

BREAKS = [
    (
        "An archive of images that holds anything but arrays is refused.",
        f"{T}[npz]",
        "vae_lib/data/pictures.py",
        "if not isinstance(each, np.ndarray)]:",
        "if each is None]:",
    ),
    (
        "No pickle in an archive of images is executed.",
        f"{T}[npz]",
        "vae_lib/data/pictures.py",
        "        loaded = np.load(file, allow_pickle=False)",
        "        loaded = np.load(file, allow_pickle=True)",
    ),
    (
        "No pickle in a checkpoint is executed.",
        f"{T}[checkpoint]",
        "vae_lib/support/checkpoints.py",
        "np.load(file, allow_pickle=False) as archive",
        "np.load(file, allow_pickle=True) as archive",
    ),
    (
        "A checkpoint whose arrays are swapped or missing is refused, even if each array is whole.",
        f"{T}[checkpoint]",
        "vae_lib/support/checkpoints.py",
        "if identity.pop(CONTENTS, None) not in (None, _contents(arrays)):",
        "if identity.pop(CONTENTS, None) is None:",
    ),
    (
        "A model whose file is damaged is refused in one sentence.",
        f"{T}[keras]",
        "vae_lib/model.py",
        "    except Exception as error:  # whatever Keras meets in a file that is none of ours",
        "    except TypeError as error:  # whatever Keras meets in a file that is none of ours",
    ),
]
