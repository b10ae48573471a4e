"""What is on disk, and how it stays whole: blobs, repositories, uploads, locks. Knows nothing of HTTP but its refusals."""
