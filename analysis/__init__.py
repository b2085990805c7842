"""Survey statistics of Hài Lòng: weights, estimates, intervals, scores and ranks; knows nothing of the site."""
