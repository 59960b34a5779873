"""Neural networks: singers, melody network, extractor; their run time, their training and their metrics."""

from __future__ import annotations

import os

# onnxruntime reads this once, as it is imported, and only the modules of this package import it. Otherwise it
# keeps an id of the device in the user's cache, and looks up a host of its maker every few seconds.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
