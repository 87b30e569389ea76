"""A hub's cache on disk, laid out as its client lays it: blobs, snapshots that point to them, and refs."""

import hashlib
import shutil

SHA = "0123456789abcdef0123456789abcdef01234567"


def lay_out(cache, name, folder):
    """Put the files of a model folder into `cache` under a hub name; its snapshot."""
    place = cache / f"models--{name.replace('/', '--')}"
    snapshot = place / "snapshots" / SHA
    for part in (snapshot, place / "blobs", place / "refs"):
        part.mkdir(parents=True)
    (place / "refs" / "main").write_text(SHA)
    for path in folder.iterdir():
        blob = place / "blobs" / hashlib.sha1(path.name.encode()).hexdigest()
        shutil.copyfile(path, blob)
        (snapshot / path.name).symlink_to(f"../../blobs/{blob.name}")
    return snapshot
