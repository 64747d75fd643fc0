"""Many runs of scenarios, on this machine or on a cluster: planned, carried out once, remembered."""

REGISTERS = False
