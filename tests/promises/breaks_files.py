"""Mistakes that the tests of damaged files must notice."""

T = "tests/promises/test_files.py::test_a_damaged_file_is_right_or_refused"

BREAKS = [
    (
        "An archive of images that holds anything but arrays is refused.",
        f"{T}[npz]",
        "vae_lib/data/pictures.py",
        "if not isinstance(each, np.ndarray)]:",
        "if each is None]:",
        "raised AttributeError: 'bytes' object",
    ),
    (
        "No pickle in an archive of images is executed.",
        f"{T}[npz]",
        "vae_lib/data/pictures.py",
        "        loaded = np.load(file, allow_pickle=False)",
        "        loaded = np.load(file, allow_pickle=True)",
        "executed what it held",
    ),
    (
        "No pickle in a checkpoint is executed.",
        f"{T}[checkpoint]",
        "vae_lib/support/checkpoints.py",
        "np.load(file, allow_pickle=False) as archive",
        "np.load(file, allow_pickle=True) as archive",
        "executed what it held",
    ),
    (
        "A checkpoint whose arrays are swapped or missing is refused, even if each array is whole.",
        f"{T}[checkpoint]",
        "vae_lib/support/checkpoints.py",
        "if identity.pop(CONTENTS, None) not in (None, _contents(arrays)):",
        "if identity.pop(CONTENTS, None) is None:",
        "believed: other numbers than were saved",
    ),
    (
        "A model whose file is damaged is refused in one sentence.",
        f"{T}[keras]",
        "vae_lib/model.py",
        "    except Exception as error:  # whatever Keras meets in a file that is none of ours",
        "    except TypeError as error:  # whatever Keras meets in a file that is none of ours",
        "raised OSError",
    ),
    (
        "A file in a folder of pictures that is no picture is refused by its name.",
        "tests/data/test_pictures.py::test_a_file_that_is_no_picture_is_named",
        "vae_lib/data/pictures.py",
        "    except UnidentifiedImageError:",
        "    except EOFError:",
        "it is truncated or damaged",
    ),
    (
        "A small file that would become an enormous picture is refused before it is unpacked.",
        "tests/data/test_pictures.py::test_a_bomb_is_not_unpacked",
        "vae_lib/data/pictures.py",
        "if math.prod(picture.size) > (Image.MAX_IMAGE_PIXELS or MOST_PIXELS):",
        "if not picture.size:",
        "DID NOT RAISE DataError",
    ),
    (
        "A model's file whose encoder or decoder is a piece of code is refused, and the code does "
        "not run.",
        "tests/promises/test_files.py::test_code_in_a_models_file_does_not_run",
        "vae_lib/model.py",
        "keras.models.load_model(path)",
        "keras.models.load_model(path, safe_mode=False)",
        "encoder gave a TextIOWrapper",
    ),
    (
        "Pictures that are kept decoded are not taken for others that changed places with them.",
        "tests/data/test_pictures.py::test_pictures_that_changed_places_are_not_those_of_the_cache",
        "vae_lib/data/pictures.py",
        "(path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)",
        "(path, state.st_size, state.st_mtime_ns)",
        "Arrays are not equal",
    ),
    (
        "A folder that cannot be read is named, and its pictures are not left out without a word.",
        "tests/data/test_pictures.py::test_a_subfolder_that_cannot_be_read_is_not_left_out",
        "vae_lib/data/pictures.py",
        "onerror=_refuse, ",
        "",
        "DID NOT RAISE DataError",
    ),
]
