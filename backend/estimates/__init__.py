"""How long a training takes and how much memory it needs, before it is launched: pure functions, no SQL, no HTTP.

`speeds` is what is known of a device: measured by its worker's calibration, else the constants of another machine.
`time` and `memory` make seconds and bytes of it for a spec.
"""
