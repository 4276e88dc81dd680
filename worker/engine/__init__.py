"""The training itself: knows no database, no Celery and no HTTP. It talks to a `Recorder`."""
