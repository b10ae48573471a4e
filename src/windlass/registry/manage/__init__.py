"""Looking at any registry, what it costs, and taking things out of it."""
