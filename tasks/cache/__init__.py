"""The cache: identity of an artifact, digests of code, locks and references."""
