"""The rules of border documents: what an official checks, the three axes they move on, and where they come from."""
