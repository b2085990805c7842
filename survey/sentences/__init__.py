"""What is said of refusals and findings, as sentences in the reader's language."""
