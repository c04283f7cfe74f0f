"""Every verb as console and API carry it out: what is asked, what it touches, and the call; one room for each kind of thing."""
