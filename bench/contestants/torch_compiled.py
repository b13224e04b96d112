"""PyTorch's fastest ordinary loop: a compiled loss, minibatches by indexing, a fused Adam."""

import numpy as np
import torch

from bench.contestants.torch_eager import VAE, compute_loss
from bench.protocol import Settings, Turn


def run(turn: Turn, x: np.ndarray, settings: Settings) -> None:
    """Train on the images x, shape `(n, 784)`, for an epoch in every turn."""
    images, batch_size = torch.from_numpy(x), settings["batch_size"]
    steps = len(x) // batch_size
    model = VAE(settings["z_dim"], settings["h_dim"])
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learning_rate"], fused=True)
    compiled_loss = torch.compile(compute_loss)
    while True:
        with turn() as result:
            total = torch.zeros(())
            order = torch.randperm(len(x))[: steps * batch_size]
            for rows in order.split(batch_size):
                optimizer.zero_grad()
                loss = compiled_loss(model, images[rows])
                loss.backward()
                optimizer.step()
                total += loss.detach()
            result.update(loss=total.item() / steps, images=steps * batch_size)
