"""`python -m models.training.pronunciation`."""

import sys

from models.training.command import started

if __name__ == "__main__":
    sys.exit(started("models.training.pronunciation.run"))
