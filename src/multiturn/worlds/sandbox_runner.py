"""The first program inside the sandbox: reads the job, writes its files, takes its limits and becomes the job's Python.

It is handed to the sandbox as text (``python -c``) and must import nothing of this package. The job is one JSON object on
standard input, so that no file of ours has to be visible inside.
"""

import json
import os
import resource
import sys
import tempfile


def limit(kind: int, value: int) -> None:
    """Set a limit that cannot be raised again (never above what is already allowed)."""
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def main() -> None:
    job = json.loads(sys.stdin.buffer.read())
    if job["user"] and os.getuid() == 0:
        # Root has no limit on processes: become a user that nobody else is.
        os.setgroups([])
        os.setresgid(job["user"], job["user"], job["user"])
        os.setresuid(job["user"], job["user"], job["user"])
    for name, text in job["files"].items():
        if folder := os.path.dirname(name):
            os.makedirs(folder, exist_ok=True)
        with open(name, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
    with tempfile.TemporaryFile(dir=".") as typed:
        typed.write(job["stdin"].encode(errors="surrogateescape"))
        typed.flush()
        typed.seek(0)
        os.dup2(typed.fileno(), 0)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_CPU, job["cpu"])
    limit(resource.RLIMIT_FSIZE, job["file_bytes"])
    limit(resource.RLIMIT_NOFILE, 64)
    limit(resource.RLIMIT_NPROC, job["processes"])
    limit(resource.RLIMIT_AS, job["memory"])
    os.write(2, (job["token"] + "\n").encode())
    # -E -s -B: no environment, no user packages, no bytecode files. -I would hide the job's own files from import.
    os.execv(sys.executable, [sys.executable, "-E", "-s", "-B", "-X", "utf8", job["main"]])


if __name__ == "__main__":
    main()
