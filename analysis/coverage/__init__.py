"""The coverage study: simulated waves with a known truth, scored by the product's own code."""
