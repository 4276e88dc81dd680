"""References: published numbers that runs are held against, Runyard's own and those that people bring. No SQL, no HTTP."""
