"""Who is let in: the operator's token, further tokens, cookies, one-time codes, and what each role may do.

It must not know HTTP beyond methods and paths; `backend.api.gate` stands at the door.
"""
