"""The worker: claims runs and trains them. The only package that imports torch."""
