"""The CUDA compiler refuses the C++ compiler of this machine.

## What is wrong
"unsupported GNU version! gcc versions later than 13 are not supported!", or errors deep inside `<type_traits>` and
`/usr/include/c++` when nvcc compiles. Nothing is wrong with the GPU or the driver; only code that is compiled here is
affected.

## Why it happens
nvcc hands the host part of the code to gcc, clang or cl and knows the versions that existed when it was made. A
rolling or new distribution has a newer gcc than the toolkit; Windows updates Visual Studio by itself. The check is
the file `crt/host_config.h` of the toolkit, which names the newest version that it takes.

## How to fix
- Install an older compiler beside the present one and name it: `apt install g++-13`, then `NVCC_CCBIN=g++-13`,
  `CUDAHOSTCXX=g++-13` for CMake, `CC=gcc-13 CXX=g++-13` for PyTorch extensions.
- Or install a newer toolkit; within one major its programs run on the same driver.
- In a conda environment take both from there: `cuda-nvcc` and `gxx_linux-64` of fitting versions.
- `-allow-unsupported-compiler` removes the check and nothing else: the result may fail to compile or, worse, compile
  wrongly.

## When this is harmless
When nothing is compiled: wheels with ready code never call nvcc.

## References
- https://docs.nvidia.com/cuda/cuda-installation-guide-linux/index.html (host compiler support policy)
- https://docs.nvidia.com/cuda/cuda-compiler-driver-nvcc/index.html (compiler-bindir, allow-unsupported-compiler)
"""

from __future__ import annotations

from gpudoctor.facts.system import HostCompiler
from gpudoctor.facts.toolkit import Toolkit
from gpudoctor.findings.finding import Evidence, Finding, Fix, Severity
from gpudoctor.knowledge.versions import major_of
from gpudoctor.rules.advice.cuda import name_host_compiler
from gpudoctor.rules.readings.compiling_packages import compiling_package
from gpudoctor.rules.rule import CannotJudge, Case, Scope, rule

_NAMES_ANOTHER = ("NVCC_CCBIN", "CUDAHOSTCXX", "NVCC_PREPEND_FLAGS", "NVCC_APPEND_FLAGS")


@rule("CUD012", Severity.ERROR, Scope.MACHINE)
def host_compiler(case: Case) -> Finding | None:
    toolkits = [one for one in case.machine.toolkits.installed.read() or () if one.nvcc_path and one.is_default]
    if not toolkits:
        return None
    compiler = case.system.host_compiler.need()
    variables = case.system.variables.peek() or {}
    if compiler.name != "gcc" or any(variables.get(name) for name in _NAMES_ANOTHER):
        return None
    toolkit, major = toolkits[0], major_of(compiler.version)
    if toolkit.gcc_max_major is None or major is None:
        if not any(compiling_package(one) for one in case.snapshot.environments):
            return None  # nothing here calls nvcc
        raise CannotJudge("toolkits.installed", f"{toolkit.path} does not say which gcc its nvcc takes")
    return _finding(case, toolkit, compiler) if major > toolkit.gcc_max_major else None


def _finding(case: Case, toolkit: Toolkit, compiler: HostCompiler) -> Finding:
    uses = [package for one in case.snapshot.environments if (package := compiling_package(one))]
    what = f", and {uses[0].name} {uses[0].version} compiles when it runs" if uses else ""
    fixes: tuple[Fix, ...] = (name_host_compiler(case, toolkit.gcc_max_major or 0),)
    return Finding(
        message=f"nvcc of CUDA {toolkit.version} takes gcc up to {toolkit.gcc_max_major}; "
        f"this machine's is {compiler.version}{what}",
        evidence=(
            Evidence(
                fact="newest gcc for nvcc",
                value=str(toolkit.gcc_max_major),
                source=f"{toolkit.path}/include/crt/host_config.h",
            ),
            Evidence(fact="gcc", value=compiler.version, source=compiler.path or case.system.host_compiler.source),
        ),
        severity=Severity.ERROR if uses else Severity.INFO,  # wheels with ready code never call nvcc
        fixes=fixes,
    )
