"""Real runs of clients and servers whose words `fleetscan explain` knows."""
