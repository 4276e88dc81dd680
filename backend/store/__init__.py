"""All SQL of the project. No HTTP and no Celery. Functions take a session; the caller commits."""
