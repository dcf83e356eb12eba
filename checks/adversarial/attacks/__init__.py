"""One module for each class of attack, or for some that need the same means."""
