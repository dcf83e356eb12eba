"""Looking into wheels without installing them, and packing small ones as specimens."""
