"""`python -m models.training.guide.pairs`."""

import sys

from models.training.command import started

if __name__ == "__main__":
    sys.exit(started("models.training.guide.pairs.run"))
