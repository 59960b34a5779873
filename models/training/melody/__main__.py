"""`python -m models.training.melody`."""

import sys

from models.training.melody.run import main

if __name__ == "__main__":
    sys.exit(main())
