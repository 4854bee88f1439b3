"""Waiting for states. Nothing in the flow tests sleeps for a time and then hopes; the limit here only ends a hung test."""
import os
import time

# How long anything may take before the test is called hung; sanitizers are slow.
PATIENCE_S = float(os.environ.get("FLOW_PATIENCE_S", "20"))


class Hung(AssertionError):
    """A state that was waited for did not come."""


def wait_until(claim, what, patience_s=None):
    """Calls `claim` until it returns something true, and returns that; `what` names the state if it never comes."""
    end = time.monotonic() + (patience_s or PATIENCE_S)
    pause_s = 0.001
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > end:
            raise Hung(f"waited in vain until {what}")
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)
