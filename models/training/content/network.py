"""The content encoder as it is taught: with a layer that names the phones, which is not exported."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from models.differentiable.content import SIZE, ContentNetwork
from models.training.content.phones import PHONES

DROPOUT = 0.1


class TaughtContentNetwork(ContentNetwork):
    """A content encoder and its teacher's view of it.

    Only the labels teach it (as phonetic posteriorgrams do, Sun et al. 2016), and the bottleneck is narrower
    than the set of phones, so that it keeps apart what differs between phones and nothing else.
    """

    def __init__(self) -> None:
        super().__init__()
        self.phones = nn.Linear(SIZE, len(PHONES))

    def logits(self, content: Tensor) -> Tensor:
        """Map content to logits of the phones."""
        logits: Tensor = self.phones(functional.dropout(content, DROPOUT, self.training))
        return logits
