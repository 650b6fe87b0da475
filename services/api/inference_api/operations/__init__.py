"""The API's side for the platform, on a port that clients do not reach: metrics, and the autoscaler's figure."""
