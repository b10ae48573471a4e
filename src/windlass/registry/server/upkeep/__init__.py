"""What keeps a root sound: collecting garbage, scrubbing, checking; beside a server and without one."""
