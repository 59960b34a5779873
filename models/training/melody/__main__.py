"""`python -m models.training.melody`."""

import sys

from models.training.command import started

if __name__ == "__main__":
    sys.exit(started("models.training.melody.run"))
