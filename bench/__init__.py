"""Measurements, started by `script/bench`. One subject a module, each with a `main(arguments) -> int`."""
