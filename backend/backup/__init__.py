"""Backups of a store with the files that belong to it, made while everything runs, and their way back."""
