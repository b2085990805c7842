"""The ways by which a message reaches somebody: gateways for Zalo and SMS, a mail server, the printer."""
