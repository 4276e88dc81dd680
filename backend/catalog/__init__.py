"""What can be launched, as data: data sets, models and presets. Knows no database and no torch."""
