"""The hot modules as machine code: compiled from the very sources by mypyc, used where speed is all."""
