"""The system that is tried: real servers, API processes and workers; its slow models, clocks and disks."""
