"""`python -m models.training.guide`."""

import sys

from models.training.command import started

if __name__ == "__main__":
    sys.exit(started("models.training.guide.run"))
