"""Numbers in, numbers and text out: pure functions that know neither the store nor HTTP."""
