"""Makes the embedded model: procedural data, trainer, exporter. Never imported by the product; see README.md."""
