"""What both commands ask for: seeds, and all of MNIST."""

import click

from vae_lib.data import DataError, Digits, load_mnist
from vae_lib.support.commands import WholeNumber

seeds_option = click.option(
    "--seeds", type=WholeNumber(0, 2**31 - 1), multiple=True, default=(0, 1, 2)
)


def all_of_mnist() -> Digits:
    """Load the digits; refuse the 5,000 that take their place where there is no network."""
    digits = load_mnist(flat=True)
    if digits.source == "small":
        raise DataError(
            "the data were the 5,000 digits of this package; for published numbers they may be all "
            "of MNIST: connect to a network once, or set VAE_LIB_MNIST to its file"
        )
    return digits
