"""What is made of data."""
