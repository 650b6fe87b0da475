"""HTTP: `server` and `protocol` bound connections, `uploads` reads bodies, `problems` answers errors."""
