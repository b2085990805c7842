"""Scale: rows are folded chunk by chunk into exact additive sums by cell, and every figure is made from the sums."""
