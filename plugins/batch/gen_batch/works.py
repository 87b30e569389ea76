"""Where the lines of a batch are answered."""

from __future__ import annotations

from .messages import Work
from .plan import Plan


def work_of(plan: Plan, *, workers: int = 1, engine: str = "local", address: str | None = None) -> Work:
    """Whatever answers lines by the plan: this process, `workers` processes, or as many actors of a Ray cluster.

    A cluster is started on this machine unless there is an `address` ("auto" finds a running one). Raises GenError if
    Ray is not installed, or no cluster answers there. Nothing is loaded before the first line.
    """
    if engine == "ray":
        from .ray_cluster import Cluster

        return Cluster(plan, workers, address)
    if workers > 1:
        from .pool import Pool

        return Pool(plan, workers)
    from .working import Worker

    return Worker(plan)
