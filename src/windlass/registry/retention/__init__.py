"""Which images a registry keeps: what is there, what must stay, what may go, and the going."""
