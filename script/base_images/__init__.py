"""Base images made from Debian's packages; `script/base-images` is the way in."""
