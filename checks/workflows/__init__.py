"""What the gate `workflows` knows of GitHub workflows and of tox's settings."""
