"""A run as a Jupyter notebook that repeats it with torch, torchvision and numpy alone.

The cells are constant text (`cells/`), chosen by what the specs need; values enter as Python literals only.
This package must not know SQL, HTTP, or the engine whose numbers its cells repeat.
"""
