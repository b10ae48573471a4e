"""Images are scanned, and a policy decides."""
