"""Takes headers and libraries out of wheels.

unpack.py cpu|cuda TARGET WHEEL...   into TARGET/include and TARGET/lib
unpack.py requires WHEEL             what the wheel asks for, a line each
"""

import os
import shutil
import sys
import zipfile

# What libtorch_cpu.so loads, beside what every system has.
CPU = {"libtorch_cpu.so", "libc10.so", "libgomp.so.1", "libcudart.so.13", "libcupti.so.13"}
# The GPU's part of torch itself; the rest comes from wheels of NVIDIA's.
CUDA = CPU | {"libtorch_cuda.so", "libtorch_cuda_linalg.so", "libc10_cuda.so", "libcaffe2_nvrtc.so", "libtorch_nvshmem.so"}
HEADERS = "torch/include/"


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


def requires(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        for line in archive.read(name).decode().splitlines():
            if line.startswith("Requires-Dist: "):
                print(line[len("Requires-Dist: "):])


if sys.argv[1] == "requires":
    requires(sys.argv[2])
else:
    unpack(sys.argv[1], sys.argv[2], sys.argv[3:])
