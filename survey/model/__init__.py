"""The tables of the record, one file per group; no behaviour."""
