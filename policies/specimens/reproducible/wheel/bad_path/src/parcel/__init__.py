"""A parcel."""
