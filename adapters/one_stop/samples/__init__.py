"""Sample documents of one-stop software, and the generator that invents more."""
