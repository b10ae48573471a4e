"""Fakes that ship, and the contract suites that every driver passes."""
