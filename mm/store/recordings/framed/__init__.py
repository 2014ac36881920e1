"""The framed file of `mm record`: what a venue sent, as it was received, whole up to a torn end."""
