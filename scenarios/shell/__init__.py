"""What stands behind the commands: their texts and mistakes, how results are shown, drawn and passed on."""

REGISTERS = False
