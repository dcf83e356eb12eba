"""One module per report format: each turns an `Outcome` into text, and none decides anything."""
