"""What each command and event does to a return, one module each; all of it inside one transaction.

A transition changes the `Case` it is given, or raises `Refused` or `InvalidInput` and changes nothing.
"""
