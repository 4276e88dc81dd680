"""From numbers to Plotly figures, as plain dictionaries: building 200 `go.Scatter` cost 1.2 s, dicts 0.09 s."""
