"""Local development: the user's Compose files run from the checkout, on images of the registry or built here."""
