"""Write images for the workers: python -m bench.digits NUMBER FILE.

In a process of its own: on Linux, workers would inherit the memory peak of the driver.
"""

import json
import sys

import numpy as np

from vae_lib.data import DataError, load_mnist


def main() -> int:
    """Write the images as uint8, `(n, 784)`, and print what they are."""
    number, file = int(sys.argv[1]), sys.argv[2]
    try:
        digits = load_mnist(flat=True)
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    x = np.rint(255 * digits.x_train[:number]).astype(np.uint8)
    np.save(file, np.resize(x, (number, x.shape[1])))
    print(json.dumps({"name": digits.name, "images": number, "distinct": len(x)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
