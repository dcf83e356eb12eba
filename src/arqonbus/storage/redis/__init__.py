"""The store on a Redis or Valkey server (7 or newer): one stream for each channel."""
