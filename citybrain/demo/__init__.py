"""The demo: its supervisor (`python -m citybrain.demo`), its database cluster and its generated district."""
