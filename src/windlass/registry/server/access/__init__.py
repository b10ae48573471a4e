"""Who may do what on the embedded registry: users, tokens, grants; and how a request is decided."""
