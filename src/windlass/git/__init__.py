"""Git as a store: trees to read from, refs to compare and swap. All git calls are here."""
