"""From answers to points: weights, index and its uncertainty, scheme points, ranks and grades, as rows of results."""
