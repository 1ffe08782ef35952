"""What clients, servers and browsers write when TLS fails: data, one JSON file a product."""
