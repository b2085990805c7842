"""The API for other offices' programs, version 1."""
