"""OCI images: references, layouts, and a registry client."""
