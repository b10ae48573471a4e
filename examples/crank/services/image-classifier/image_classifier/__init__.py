"""Photo, document or chart? Nearest neighbours over what the pixels look like, pure Python."""
