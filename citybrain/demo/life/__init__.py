"""The demo district goes on living in real time, by the product's own actions, denser than life."""
