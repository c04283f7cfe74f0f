"""The console: pages made on the server over the acts; one room for each kind of page, ``app`` puts them together."""
