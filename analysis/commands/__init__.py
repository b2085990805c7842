"""The commands of `python -m analysis`, one file each: what may be typed (`add`), and the run with its output."""
