"""The platform: it knows the workers, and passes each job to one that can do it."""
