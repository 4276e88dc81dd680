"""The service: stores, queues and serves training runs. Never imports torch, torchvision or `worker`."""
