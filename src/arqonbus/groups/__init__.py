"""Consumer groups: each message of a channel is one worker's task until it is acknowledged."""
