"""What tests of promises share: a clock that is turned by hand, a partner that counts, a hub on a folder of its own."""
