"""experiment.reproducible gives the same datasets, bit for bit, on other processors: on this one whatever the environment
says, and on older and newer ones that QEMU emulates, whose instructions the C library, OpenBLAS and dynvert then choose.

Usage: check_reproducible.py DYNVERT
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
from run_files import datasets
import sparse_images

# Everything whose instructions depend on the processor: exp, log, sin, pow and tanh of the C library (random numbers, softmax,
# noise, the step control of dopri5, decay rates), the kernels, and OpenBLAS's products and factorisations.
LEARNING = """
[experiment]
trials = 8
[task]
kind = "tanh_teacher"
samples = 40
[network]
layers = [14, 11, 9, 6]
activation = ["tanh", "sigmoid"]
bias = true
init = { kind = "uniform", half_width = 0.4 }
[learning]
rate = 0.02
[dynamics]
duration = 20.0
[record]
every = 3
measures = ["angle_ndi", "angle_pbp", "settling_time", "spectral_abscissa", "residual"]
[[model]]
name = "PBP"
credit = "pseudo_backprop"
[[model]]
name = "NDI"
credit = "sequential_inversion"
solver = "fixed_point"
[[model]]
name = "DI"
credit = "sequential_inversion"
solver = "sequential_euler"
[[model]]
name = "SDI"
credit = "single_loop_inversion"
transfer = "nonlinear"
feedback = { kind = "optimised" }
"""
CLASSES = """
[experiment]
trials = 10
[task]
kind = "digits"
samples = 40
test_samples = 20
[network]
layers = [256, 24, 10]
activation = "tanh"
output = "softmax"
init = { kind = "orthogonal" }
[learning]
rate = 0.02
batch = 5
[dynamics]
duration = 10.0
[record]
evaluate_every = 2
[[model]]
name = "DI"
credit = "sequential_inversion"
transfer = "nonlinear"
"""
INVERSION = """
[inversion]
signal = "noise"
samples = 2
alpha = [0.01, 0.1]
[network]
layers = [12, 10, 6]
activation = "tanh"
init = { kind = "uniform", half_width = 0.4 }
[dynamics]
duration = 20.0
transfer = "nonlinear"
[record]
measures = ["settling_time", "angle_ndi"]
[[model]]
name = "DI"
credit = "sequential_inversion"
"""
# One without AVX, one with AVX2 and FMA, one of another maker with larger caches; and the kernels that dynvert takes there.
PROCESSORS = {"Nehalem": "sse2", "Haswell": "avx2", "EPYC": "avx2"}
# What sim/platform/reproducible.hpp says; set from outside where the program cannot start itself once more.
ENVIRONMENT = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4", "OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1"}


def differing(a: dict[str, bytes], b: dict[str, bytes]) -> list[str]:
    assert a.keys() == b.keys(), a.keys() ^ b.keys()
    return [name for name in a if a[name] != b[name]]


class Runs:
    def __init__(self, program: str, folder: pathlib.Path, name: str, config: str) -> None:
        self.program, self.folder, self.name = program, folder, name
        self.config = folder / f"{name}.toml"
        self.config.write_text(config)
        self.number = 0

    def run(self, reproducible: bool, environment: dict[str, str], processor: str = "") -> dict[str, bytes]:
        return datasets(self.file(reproducible, environment, processor))

    def file(self, reproducible: bool, environment: dict[str, str], processor: str = "") -> pathlib.Path:
        self.number += 1
        output = self.folder / f"{self.name}-{self.number}.h5"
        free = {k: v for k, v in os.environ.items() if k not in ENVIRONMENT}
        emulator = ["qemu-x86_64", "-cpu", processor] if processor else []
        # what QEMU does not emulate it says on standard error
        subprocess.run([*emulator, self.program, "simulate", str(self.config), "-o", str(output), "--quiet", "--set",
                        f"experiment.reproducible={str(reproducible).lower()}"], check=True, env=free | environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if processor else None)
        return output


def main(program: str) -> None:
    with open("/proc/cpuinfo") as info:
        has_fma = any(line.startswith("flags") and " fma " in line for line in info)
    differ_without = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for kind, config in (("learning", LEARNING), ("classes", CLASSES), ("inversion", INVERSION),
                             ("sparse", sparse_images.config(folder)), ("sparse_single", sparse_images.config(folder, "single"))):
            runs = Runs(program, folder, kind, config)
            reference = runs.run(True, {})
            # whatever the user's environment asks for
            for environment in ({"OPENBLAS_CORETYPE": "Haswell"}, {"GLIBC_TUNABLES": "glibc.malloc.check=0:glibc.cpu.hwcaps=-AVX512F"}):
                assert not differing(reference, runs.run(True, environment)), (kind, environment)
            if shutil.which("qemu-x86_64"):
                for processor, kernels in PROCESSORS.items():
                    # it is one, to all who ask
                    with h5py.File(runs.file(False, {"OPENBLAS_NUM_THREADS": "1"}, processor)) as file:
                        assert f"({kernels})" in file.attrs["cpu"], (processor, file.attrs["cpu"], file.attrs["blas"])
                    assert not (names := differing(reference, runs.run(True, ENVIRONMENT, processor))), (kind, processor, names)
            # this processor as it is, and as if it were an older one
            differ_without += differing(runs.run(False, {"OPENBLAS_CORETYPE": "Haswell"} if has_fma else {}), runs.run(False, ENVIRONMENT))
            print(f"{kind}: {len(reference)} datasets, equal bits")
    # otherwise the runs above would show nothing
    assert differ_without or not has_fma
    print(f"without it {len(differ_without)} datasets differ between processors")


if __name__ == "__main__":
    main(*sys.argv[1:])
