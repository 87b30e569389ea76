"""Answers lines by two actors, one of which is killed, and compares with what this process answers.

A program of its own: Ray leaves processes and sockets for its end.
"""

import json
import os
import signal
import subprocess
import sys

from batch_lines import PLAN, answered, mixed, of

from gen_batch.works import work_of
from gen_engine.system.streams import guard


def actors():
    """The processes of the actors."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "ray::MapWorker" in line]


def main(count):
    """Print what became of so many lines; what Ray prints of the dead goes to standard error."""
    guard()
    cluster, lines, found, killed = work_of(of(rows=16), workers=2, engine="ray"), mixed(count), [], 0
    for answer in cluster.answers(iter(lines)):
        found.append(answer)
        if len(found) > count // 4 and not killed:
            os.kill(actors()[0], signal.SIGKILL)
            killed += 1
    cluster.close()
    are_equal = sorted(found, key=lambda each: each.index) == answered(work_of(PLAN), lines)
    print(json.dumps({"lines": count, "answers": len(found), "killed": killed, "are_equal": are_equal}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
