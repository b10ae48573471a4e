"""Is this machine able to do the work? One examination a question, each with a verdict and a remedy."""
