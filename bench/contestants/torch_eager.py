"""PyTorch's loop, in the manner of the VAE in PyTorch's own examples."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from bench.protocol import Settings, Turn


class VAE(nn.Module):
    """An encoder with two heads, and a decoder."""

    def __init__(self, z_dim: int, h_dim: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(784, h_dim)
        self.mean, self.log_var = nn.Linear(h_dim, z_dim), nn.Linear(h_dim, z_dim)
        self.decoder_hidden, self.logits = nn.Linear(z_dim, h_dim), nn.Linear(h_dim, 784)
        for layer in self.children():
            nn.init.kaiming_normal_(layer.weight)  # N(0, 2 / fan_in)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From images `(batch, 784)` to logits, mean and log-variance."""
        h = functional.elu(self.hidden(x))
        mean, log_var = self.mean(h), self.log_var(h)  # (batch, z_dim), (batch, z_dim)
        std = torch.exp(0.5 * log_var)
        z = mean + torch.randn_like(std) * std  # (batch, z_dim)
        return self.logits(functional.elu(self.decoder_hidden(z))), mean, log_var


def compute_loss(model: VAE, x: Tensor) -> Tensor:
    """Average the loss over images x, shape `(batch, 784)`."""
    logits, mean, log_var = model(x)
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
    return (cross_entropy + kl) / len(x)


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Train on the images x, shape `(n, 784)`, for an epoch in every turn."""
    dataset = TensorDataset(torch.from_numpy(x))
    loader = DataLoader(dataset, batch_size=settings["batch_size"], shuffle=True)
    model = VAE(settings["z_dim"], settings["h_dim"])
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"])
    while True:
        with turn() as result:
            total = 0.0
            for (minibatch,) in loader:
                optimizer.zero_grad()
                loss = compute_loss(model, minibatch)
                loss.backward()
                total += loss.item()
                optimizer.step()
            result.update(loss=total / len(loader), images=len(x))
