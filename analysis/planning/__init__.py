"""Planning: sample sizes, expected intervals, allocation and the next invitations, from counts and planning values."""
