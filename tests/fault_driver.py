"""`extract` as `job_driver` runs it, with a lease on a store that ends seconds after its holder."""

from __future__ import annotations

import job_driver

from extractors.__main__ import command
from extractors.jobs import lease

assert job_driver.RECORD
lease.RENEW, lease.STALE = 1.0, 4.0

if __name__ == "__main__":
    raise SystemExit(command())
