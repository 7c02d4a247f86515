"""The command line: arguments to one call of the library and one report. Only it prints."""
