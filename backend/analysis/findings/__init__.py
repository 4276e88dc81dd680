"""Findings: rules that read the stored numbers of runs, and say what is wrong or worth knowing."""
