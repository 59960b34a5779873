"""`python -m models.training.embedding`."""

import sys

from models.training.command import started

if __name__ == "__main__":
    sys.exit(started("models.training.embedding.run"))
