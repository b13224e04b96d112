"""Mistakes that the tests of bad input must notice."""

T = "tests/promises/test_input.py::test_"
ONE = f"{T}bad_input_is_right_or_refused_by_name"
NUMBERS = "vae_lib/support/numbers.py"

BREAKS = [
    (
        "Of 12,000 bad arguments, dates, complex numbers and words in the place of numbers are "
        "refused by the argument's name.",
        f"{ONE}[evaluation.log_evidence of x]",
        NUMBERS,
        'if found.dtype.kind not in "biuf"',
        'if found.dtype.kind not in "biufcmM"',
    ),
    (
        "Masked values are refused, and not taken for what lies below the mask.",
        f"{ONE}[decoder.pixel_mean of logits]",
        "vae_lib/support/precision.py",
        "    numbers = array(name, given)\n",
        "    numbers = np.asarray(given)\n",
    ),
    (
        "No NaN goes in where a number comes out: a coin of probability NaN is refused.",
        f"{ONE}[decoder.binarize of x]",
        "vae_lib/decoder.py",
        "if not (low >= 0 and high <= 1 and np.isfinite(x.numpy()).all()):",
        "if low < 0 or high > 1:",
    ),
    (
        "A number of five thousand digits is refused in a sentence, and so is one that no double "
        "has.",
        f"{ONE}[latent_space.prior_grid of mass]",
        NUMBERS,
        "with suppress(TypeError, ValueError, OverflowError):",
        "with suppress(TypeError, ValueError):",
    ),
    (
        "Shapes that do not fit are refused before TensorFlow sees them.",
        f"{ONE}[decoder.bernoulli_log_likelihood of x]",
        "vae_lib/decoder.py",
        "    refuse_shapes(alike=True, logits=logits, x=x)\n",
        "",
    ),
]
