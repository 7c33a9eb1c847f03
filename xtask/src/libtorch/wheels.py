"""Takes headers and libraries out of wheels.

wheels.py check SUMS WHEEL...        that each is the file of that name in SUMS, lines of sha256sum
wheels.py cpu|cuda TARGET WHEEL...   into TARGET/include and TARGET/lib
wheels.py requires WHEEL             what the wheel asks for, a line each
"""

import hashlib
import os
import shutil
import stat
import sys
import zipfile

# What libtorch_cpu.so loads, beside what every system has.
CPU = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}
# The GPU's part of torch itself; the rest comes from wheels of NVIDIA's.
CUDA = CPU | {"libtorch_cuda.so", "libtorch_cuda_linalg.so", "libc10_cuda.so", "libcaffe2_nvrtc.so", "libtorch_nvshmem.so"}
HEADERS = "torch/include/"


def refuse_outside(member):
    """Ends the program for a member that leads out of the wheel, or is a link."""
    for part in member.filename.split("/"):
        if part in ("", ".", "..") or "\\" in part or ":" in part:
            sys.exit("the wheel has a member outside of it: %r" % member.filename)
    if stat.S_ISLNK(member.external_attr >> 16):
        sys.exit("the wheel has a link as a member: %r" % member.filename)


def place(name, libraries, every_nvidia):
    """Where a member of a wheel goes, or None."""
    if name.endswith("/"):
        return None
    if name.startswith(HEADERS):
        return os.path.join("include", name[len(HEADERS):])
    base = os.path.basename(name)
    from_nvidia = every_nvidia and name.startswith("nvidia/") and ".so" in base
    return os.path.join("lib", base) if base in libraries or from_nvidia else None


def unpack(flavour, target, wheels):
    libraries = CUDA if flavour == "cuda" else CPU
    sizes = {"include": 0, "lib": 0}
    seen = set()
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                to = place(member.filename, libraries, flavour == "cuda")
                if to is None:
                    continue
                refuse_outside(member)
                path = os.path.join(target, to)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(member) as source, open(path, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
                sizes[to.split(os.sep)[0]] += member.file_size
                seen.add(os.path.basename(to))
    missing = sorted(libraries - seen)
    if missing or not sizes["include"]:
        sys.exit("the wheels lack " + (", ".join(missing) or "headers"))
    print("unpacked: headers %d MB, libraries %d MB" % (sizes["include"] / 1e6, sizes["lib"] / 1e6))


def check(sums, wheels):
    known = {name: digest for digest, name in (line.split() for line in sums.splitlines())}
    for wheel in wheels:
        name = os.path.basename(wheel)
        if name not in known:
            sys.exit(
                "%s is not a wheel that Astern knows. It is built and tested with:\n  %s"
                % (name, "\n  ".join(sorted(known)))
            )
        digest = hashlib.sha256()
        with open(wheel, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != known[name]:
            sys.exit(
                "%s is not the file that was published: its sha256 is %s, not %s. Remove it, then run again"
                % (wheel, digest.hexdigest(), known[name])
            )


def requires(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        for line in archive.read(name).decode().splitlines():
            if line.startswith("Requires-Dist: "):
                print(line[len("Requires-Dist: "):])


if sys.argv[1] == "check":
    check(sys.argv[2], sys.argv[3:])
elif sys.argv[1] == "requires":
    requires(sys.argv[2])
else:
    unpack(sys.argv[1], sys.argv[2], sys.argv[3:])
