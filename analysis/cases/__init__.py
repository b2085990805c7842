"""Reference cases: a file of specifications and expected answers, run against this package and compared."""
