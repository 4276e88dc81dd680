"""The calls of the Python client, by topic. `backend.client.Client` has them all and knows how to reach the service."""
