"""What runs off the request; the only door to the statistics."""
