"""`python -m models.training.enrolment`."""

import sys

from models.training.command import started

if __name__ == "__main__":
    sys.exit(started("models.training.enrolment.run"))
