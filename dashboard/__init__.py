"""Dashboard: every page that needs several apps."""
