"""The pages of a project: their blocks are read, accounted for, and run as they are written."""
