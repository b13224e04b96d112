"""What is reproduced: a row of a table each.

All are the network 784-200-200-50 with tanh of Burda, Grosse and Salakhutdinov, "Importance
Weighted Autoencoders", 2016, table 1, one stochastic layer. They trained with minibatches of 20
and Adam, 3^i epochs at the rate 1e-3 · 10^(−i/7) for i = 0, …, 7: 3,280 epochs. Ours are fewer,
with larger minibatches and a rate that falls like a cosine.

Pilots chose the rate, one training each on 55,000 training images, judged by the bound of 200 draws
on 2,500 others: after 40 epochs 1e-3 was worse than 2e-3, and 4e-3 better; after 150, with weights
started as Glorot does, 4e-3 was worse. `--held-out` judges any run by 5,000 training images.
"""

from dataclasses import dataclass
from typing import Literal

AS_IT_IS = "as the runs do it"  # beside what `reproduction.choices` does differently
OTHER_COINS = "other coins, throw"
BURDA = "Burda, Grosse and Salakhutdinov, 2016, table 1"


@dataclass(frozen=True)
class Run:
    """A row of a table, and how we train for it.

    Attributes:
        name: of the run, and of the file of its record.
        k: draws of z for each image in training; more than one are importance-weighted.
        pixels: "coins", drawn anew each time that an image is shown; "fixed coins", drawn once; or
            "bytes", which are gray.
        published: minus the log-likelihood of the test images, in nats; None where what is
            published is of other images or coins.
        source: where that stands.
        epochs: how often each image is shown.
        batch_size: images in a minibatch.
        learning_rate: of Adam, at the start; it falls like a cosine to a thousandth.
    """

    name: str
    k: int = 1
    pixels: Literal["coins", "fixed coins", "bytes"] = "coins"
    published: float | None = None
    source: str | None = None
    epochs: int = 1000
    batch_size: int = 100
    learning_rate: float = 2e-3

    def iterations(self, n: int) -> int:
        """How many minibatches that is, of n images."""
        return self.epochs * n // self.batch_size


RUNS = {
    run.name: run
    for run in (
        Run("vae", published=86.76, source=BURDA),
        Run("iwae-5", k=5, published=85.54, source=BURDA),
        Run("iwae-50", k=50, published=84.78, source=BURDA, epochs=250),
        Run("vae-fixed-coins", pixels="fixed coins"),
        Run("vae-bytes", pixels="bytes"),
    )
}
