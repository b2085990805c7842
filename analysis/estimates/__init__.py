"""Point estimates with their design-based covariance."""
