"""Pictures and connections that no proper client sends, and two programs that send them to a running API."""
