"""The published report as it stands here: from stored runs and published tables to the blocks of a page. No SQL, no HTTP."""
