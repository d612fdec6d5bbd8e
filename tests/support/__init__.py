"""What tests share: loopback servers that stand in for the providers."""
