"""What the kernel says. No other package of memstat knows ``/proc``."""
