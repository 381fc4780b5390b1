"""Template filters of the pages of orders."""
