"""One worker of the cluster of test_distributed.py, which says why each part is there."""

import json
import os
import pickle
import sys
from pathlib import Path
from threading import Thread

import keras
import numpy as np

from tests.helpers import wait_for
from vae_lib.data import load_mnist
from vae_lib.distributed import train_together
from vae_lib.model import VAE

# 25 images are 12 for one worker and 13 for the other; 30 iterations are reports of 20 and of 10.
ARGUMENTS = {"iterations": 30, "batch_size": 25, "report_every": 20, "seed": 3}
MORE = {"iterations": 10}
PATIENCE = 200.0  # seconds, for a machine that has much else to do
OTHER_SIZE = {"h_dim": 8, "likelihood": "gaussian"}


def images():
    return np.float64(load_mnist("small", flat=True).x_train[:120])  # (120, 784)


def vae(seed=0, **options):
    model = VAE(**{"z_dim": 3, "h_dim": 16, "seed": seed} | options)
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def refusal(*arguments, **options):
    try:
        train_together(*arguments, **options)
    except (ValueError, ConnectionError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was refused"


def tell_when_it_trains(model):
    """Say so after some more steps; then all workers are under way."""
    begin = int(model.optimizer.iterations)
    wait_for(lambda: model.optimizer.iterations > begin + 10)
    print("under way", flush=True)


def main(rank, folder, absent):
    x, result = images(), {}
    result["differ"] = refusal(vae(seed=rank), x, 3, timeout=PATIENCE)
    model = vae()
    if rank == 1:  # as if its processor rounded otherwise
        model.trainable_variables[0].assign_add(model.trainable_variables[0] * 1e-7)
    result["first"] = train_together(model, x, **ARGUMENTS, timeout=PATIENCE)
    result["second"] = train_together(model, x, **ARGUMENTS | MORE, timeout=PATIENCE)
    result["weights"] = model.get_weights()
    model = vae(**OTHER_SIZE)
    train_together(model, x, **ARGUMENTS, timeout=PATIENCE)
    result["other_weights"] = model.get_weights()
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(result))
    print("trained", flush=True)

    Thread(target=tell_when_it_trains, args=[model], daemon=True).start()
    print(json.dumps(refusal(model, x, 10_000_000, timeout=PATIENCE)), flush=True)
    os.environ["TF_CONFIG"] = absent
    print(json.dumps(refusal(model, x, 3, timeout=0.5)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
