"""The contestant that the tests of metrics make."""

from tests.metrics.conftest import contestant, predicted

__all__ = ["contestant", "predicted"]
