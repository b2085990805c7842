"""A demonstration province: simulated people with a known truth, taken through the real stages."""
