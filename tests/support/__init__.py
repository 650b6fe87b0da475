"""What more than one test works with, each helper once: servers, processes, clients, stand-ins, models and pictures."""
