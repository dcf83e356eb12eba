"""What tests share: real servers in processes of their own, and a plain client."""
