"""One suite for each protocol, run over every driver, fake and real."""
