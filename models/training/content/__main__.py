"""`python -m models.training.content`."""

import sys

from models.training.command import started

if __name__ == "__main__":
    sys.exit(started("models.training.content.run"))
