"""The commands, a module each with ``main(arguments) -> exit status``."""
