"""What ``lienthong check`` looks at: one room for each part of a configuration, each a generator of findings."""
