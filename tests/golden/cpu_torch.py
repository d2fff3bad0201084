"""Makes PyPI's PyTorch importable on a machine without CUDA's libraries.

The wheel on PyPI is a CUDA build: it needs some 3 GB of NVIDIA packages before
`import torch` works, and the golden files need none of them. This replaces
libtorch_cuda, libcudnn and libcufile in the venv by small libraries that
define the symbols which libtorch_python asks for. Their functions return a
pointer to zeros: an empty object to those that want one, false to those that
look at the low byte. CUDA reports no devices, so little of it is called.

Usage: .venv/bin/python tests/golden/cpu_torch.py
"""

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

CUDA = ["libtorch_cuda.so", "libtorch_nvshmem.so", "libtorch_cuda_linalg.so"]
USELESS = ["libtorch_nvshmem.so", "libtorch_cuda_linalg.so", "libcaffe2_nvrtc.so"]


def symbols(library, kind):
    """The names that a library defines or leaves undefined, each with nm's letter for its type."""
    command = ["nm", "-D", f"--{kind}-only", "-P", library]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    fields = (line.split() for line in lines)
    return {name.split("@")[0]: letter for name, letter, *_ in fields}


def assembly(names):
    """`names` says of each symbol what nm does: T and W are code, the rest data."""
    exports, code, data = [], [], []
    for name, letter in sorted(names.items()):
        exports.append(f'.globl "{name}"\n')
        if letter in "TW":
            code.append(f'"{name}":\n')
        elif name.startswith("_ZTI"):
            # pybind11 reads the name out of the type_info of each class it registers.
            text = name.removeprefix("_ZTI")
            data.append(
                f'.balign 8\n"{name}": .quad _ZTVN10__cxxabiv117__class_type_infoE+16, 1f\n1: .asciz "{text}"\n'
            )
        else:
            data.append(f'.balign 8\n"{name}": .fill 64, 8, 0\n')
    code.append("leaq zeros(%rip), %rax\nret\n")
    zeros = ".local zeros\n.comm zeros, 4096, 4096\n"
    return "".join([*exports, ".data\n", *data, ".text\n", *code, zeros, ".section .note.GNU-stack\n"])


def build(library, names, version=None):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "stub.s"
        source.write_text(assembly(names))
        soname = library.name.removesuffix(".stub")
        command = ["c++", "-shared", "-nostartfiles", source, "-o", library, f"-Wl,-soname,{soname}"]
        if version:
            script = Path(folder) / "stub.map"
            script.write_text(f"{version} {{ global: *; }};\n")
            command.append(f"-Wl,--version-script={script}")
        subprocess.run(command, check=True)


def main():
    lib = Path(sysconfig.get_path("purelib")) / "torch" / "lib"
    if not (lib / "libtorch_python.so").exists():
        sys.exit("error: this Python has no PyTorch\nhint: run make venv")
    if not (lib / CUDA[-1]).exists():
        return
    wanted = symbols(lib / "libtorch_python.so", "undefined")
    cuda = {}
    for name in CUDA:
        cuda |= symbols(lib / name, "defined")
    build(lib / "libcudnn.so.9", {name: "T" for name in wanted if name.startswith("cudnn")}, "libcudnn.so.9")
    build(lib / "libcufile.so.0", {name: "T" for name in wanted if name.startswith("cuFile")})
    stub = lib / "libtorch_cuda.so.stub"
    build(stub, {name: letter for name, letter in cuda.items() if name in wanted})
    stub.replace(lib / "libtorch_cuda.so")
    for name in USELESS:
        (lib / name).unlink(missing_ok=True)


main()
