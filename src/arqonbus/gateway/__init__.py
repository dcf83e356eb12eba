"""One session per peer: frames in, replies out."""
