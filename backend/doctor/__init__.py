"""`runyard doctor`: each part of an installation looked at, what was found, and what to do about each fault.

Looking (`look_at_...`) gives plain facts; judging them (`judge_...`) is pure. It changes nothing, and must not know HTTP routes.
"""
