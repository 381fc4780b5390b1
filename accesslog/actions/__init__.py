"""What is done at gates and with passes."""
