"""Renderers: a report or a page in, text out, nothing else."""
