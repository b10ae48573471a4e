"""Images are built: one protocol, one file per driver."""
