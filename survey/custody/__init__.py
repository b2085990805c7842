"""What is carried out of the house and back: backups, key folders, signed heads of the audit log."""
