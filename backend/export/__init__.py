"""What is on the screen as files: tables as CSV, JSON, LaTeX and Markdown, all points, a report as one HTML file. No SQL, no HTTP."""
