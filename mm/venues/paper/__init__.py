"""Paper mode: a venue whose market is real and whose account is not. No key is read, nothing is signed."""

from mm.venues.paper.settings import PaperVenueSettings
from mm.venues.paper.truth import PaperTruth, QueueEstimate
from mm.venues.paper.venue import PaperVenue

__all__ = ["PaperTruth", "PaperVenue", "PaperVenueSettings", "QueueEstimate"]
