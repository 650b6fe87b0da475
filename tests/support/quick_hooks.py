"""The sender of webhooks as a process, with short pauses; `QUICK_LEASE_S` and `QUICK_DEADLINE_S` shorten more of it."""

import os

from inference_api.hooks import post, schedule
from inference_api.hooks.__main__ import main
from inference_bridge import redis_hooks

schedule.RETRIES_S = (1.0,) * len(schedule.RETRIES_S)
redis_hooks.LEASE_S = int(os.environ.get("QUICK_LEASE_S", redis_hooks.LEASE_S))
post.DEADLINE_S = float(os.environ.get("QUICK_DEADLINE_S", post.DEADLINE_S))

if __name__ == "__main__":
    main()
