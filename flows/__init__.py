"""One flow per file. Below: configuration, command line and servers."""
