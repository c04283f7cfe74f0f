"""The page and the report of a test bench for partners' vendors."""
