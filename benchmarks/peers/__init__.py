"""The same work on other frameworks, each set up and tuned as its users would: what our pipeline is measured against."""
