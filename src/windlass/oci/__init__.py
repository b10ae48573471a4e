"""OCI images: references, manifests, layouts on disk, and a registry client."""
