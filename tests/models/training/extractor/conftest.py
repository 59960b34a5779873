"""One small encoder of each architecture for all tests of the extractor."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.training.extractor.folder import ARCHITECTURES
from tests.models.training.extractor.made import write_encoder


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders by architecture; not to be changed."""
    place = tmp_path_factory.mktemp("encoders")
    return {architecture: write_encoder(place, architecture) for architecture in ARCHITECTURES}
