"""Border documents: certificates and declarations that go to, or come from, another country."""
