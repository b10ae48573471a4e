"""The steps of the flow, one a file. They see protocols and frozen values, never a driver."""
