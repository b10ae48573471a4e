"""The user's Compose files, as Docker Compose itself reads them."""
