"""What citizens and officials meet behind a personal link or a counter's code."""
