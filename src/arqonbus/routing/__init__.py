"""Who gets what: channels, their subscribers, and peers by client id."""
