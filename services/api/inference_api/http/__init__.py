"""HTTP around the routes: `server` and `protocol` bound connections, `uploads` reads bodies, `problems` are errors."""
