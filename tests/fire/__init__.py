"""The fire test: a hub of many processes is killed, cut off and lied to while it works; then every message is accounted for."""
