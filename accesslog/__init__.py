"""Access log: places, points, devices, passes, stays, traces (ADR 0001)."""
