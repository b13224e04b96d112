"""Mistakes that the tests of bad input must notice."""

T = "tests/promises/test_input.py::test_"
ONE = f"{T}bad_input_is_right_or_refused_by_name"
NUMBERS = "vae_lib/support/numbers.py"

BREAKS = [
    (
        "Odd values in place of each argument, about 17,000 of them: each is taken, or refused in "
        "a sentence that names the argument. The same numbers in another form give the same "
        "result; dates, complex numbers and words are no numbers.",
        f"{ONE}[evaluation.log_evidence of x]",
        NUMBERS,
        'if found.dtype.kind not in "biuf"',
        'if found.dtype.kind not in "biufcmM"',
        "('complex'",
    ),
    (
        "Masked values are refused, and not taken for what lies below the mask.",
        f"{ONE}[decoder.pixel_mean of logits]",
        NUMBERS,
        "any(map(np.ma.is_masked, given if isinstance(given, list | tuple) else [given]))",
        "given is np.ma.masked",
        "('masked'",
    ),
    (
        "An array of another library that NumPy cannot read, such as a tensor of PyTorch's that "
        "is part of a gradient, is refused by name, with what its library says.",
        f"{ONE}[latent_space.active_units of mean]",
        NUMBERS,
        "    except Exception as error:  # rows of several lengths",
        "    except ValueError as error:  # rows of several lengths",
        "RuntimeError: Can't call numpy()",
    ),
    (
        "A NaN never becomes a number: it is refused, or what comes out is NaN, too.",
        f"{ONE}[decoder.binarize of x]",
        "vae_lib/support/precision.py",
        "if not ((numbers >= 0) & (numbers <= 1)).all():",
        "if ((numbers < 0) | (numbers > 1)).any():",
        "NaN went in",
    ),
    (
        "An integer of 5,000 digits is refused in a sentence, and so is one too large for double "
        "precision.",
        f"{ONE}[latent_space.prior_grid of mass]",
        NUMBERS,
        "with suppress(TypeError, ValueError, OverflowError):",
        "with suppress(TypeError, ValueError):",
        "OverflowError: int too large",
    ),
    (
        "Arrays with different numbers of rows are refused in the library's words, not in "
        "TensorFlow's.",
        f"{ONE}[loss.log_ratio of mean]",
        "vae_lib/support/precision.py",
        "        refuse_shapes(**{name: each for name, each in tensors.items() "
        "if tf.is_tensor(each)})\n",
        "",
        "InvalidArgumentError",
    ),
    (
        "A model that needs images with their classes says so when it gets images alone.",
        "tests/library/test_uses.py::"
        "test_images_without_their_class_are_refused_with_what_makes_them",
        "vae_lib/uses.py",
        "        if examples.ndim != 2 or examples.shape[1] != self.x_dim:\n",
        "        if examples.ndim != 2:\n",
        "a model for them has x_dim=12",
    ),
    (
        "Each public function of the chapters' modules is called with bad arguments, or a reason "
        "says why not.",
        f"{T}every_public_function_is_called_with_bad_input_or_says_why_not",
        "tests/promises/calls.py",
        '    "uses.auroc": (uses.auroc, {"odd": Z[:, 0], "usual": Z[:, 1]}),\n',
        "",
        "'uses.auroc'",
    ),
    (
        "Images to train on and images held out that are of two scales, or have labels of other "
        "lengths, are refused.",
        "tests/data/test_pictures.py::test_parts_that_do_not_belong_together_are_refused",
        "vae_lib/data/pictures.py",
        "        _refuse_unlike(x_train, x_test, name)\n",
        "",
        "DID NOT RAISE DataError",
    ),
]
