"""The same convolutional network, by PyTorch's ordinary loop."""

import numpy as np
import torch
from torch import Tensor, nn

from bench.contestants.torch_eager import compute_loss
from bench.protocol import Settings, Turn
from bench.work import CONVOLVED, as_pictures


class VAE(nn.Module):
    """Two convolutions to the code, and three transposed ones back."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(1, 16, 4, 2, 1), nn.ELU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ELU(), nn.Flatten()
        )
        self.mean, self.log_var = nn.Linear(1568, z_dim), nn.Linear(1568, z_dim)
        self.up = nn.Sequential(
            nn.Linear(z_dim, 1568),
            nn.ELU(),
            nn.Unflatten(1, (32, 7, 7)),
            nn.ConvTranspose2d(32, 16, 4, 2, 1),
            nn.ELU(),
            nn.ConvTranspose2d(16, 1, 4, 2, 1),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From images `(batch, 1, 28, 28)` to logits, mean and log-variance."""
        h = self.down(x)  # (batch, 1568)
        mean, log_var = self.mean(h), self.log_var(h)  # (batch, z_dim) each
        std = torch.exp(0.5 * log_var)
        return self.up(mean + torch.randn_like(std) * std), mean, log_var


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Take `CONVOLVED` steps in every turn, on images x of shape `(n, 784)`."""
    images, batch_size = (
        torch.from_numpy(as_pictures(x)).permute(0, 3, 1, 2),
        settings["batch_size"],
    )
    images = images.contiguous()
    model = VAE(settings["z_dim"])
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"], fused=True)
    while True:
        with turn() as result:
            total = torch.zeros(())
            for _ in range(CONVOLVED):
                optimizer.zero_grad()
                loss = compute_loss(model, images[torch.randint(len(images), (batch_size,))])
                loss.backward()
                optimizer.step()
                total += loss.detach()
            result.update(loss=total.item() / CONVOLVED, images=CONVOLVED * batch_size)
