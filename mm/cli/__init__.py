"""The command line: one file per small family of verbs. Parse, call, print, exit code."""
