"""Makes machine code of modules, in the folder where it is run: `python make.py MARK JOBS FILE...`.

At first one that counts where it passes; it is run (`REHEARSAL`), and what was counted tells the compiler
which ways are taken, so that those lie together: between two decisions a processor waits for code more than
for anything else. Where that cannot be done it says why, and compiles without. Lines that begin with MARK
are for people. Needs mypyc and setuptools. Must not import mm: it is run on a copy that is being made.
"""

import copy
import os
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from mypyc.build import mypycify
from setuptools import Extension, setup  # type: ignore[import-untyped]  # it has no types
from setuptools.command.build_ext import build_ext  # type: ignore[import-untyped]  # nor has this

REHEARSAL: Final = ("bench", "replay", "--rows", "100000", "--turns", "1", "--no-peers", "--json")
"""The command of mm that passes where it has to be quick."""

REHEARSAL_S_MAX: Final = 600

DIRECT: Final = ("-fno-semantic-interposition", "-fno-plt", "-fvisibility=hidden")
DIRECT_LINKS: Final = ("-Wl,-Bsymbolic",)
"""The modules call each other alone: nobody may put himself between them, so calls are direct, and inlined
where that pays.
"""

COUNTS: Final = ("-fprofile-generate",)
USES: Final = ("-fprofile-use", "-fprofile-correction", "-fprofile-partial-training", "-w")
"""Of GCC. What no rehearsal came by is compiled as if there had been none."""


def main(mark: str, jobs: int, files: Sequence[str]) -> None:
    """Compile `files`, so many at once, each to a library beside it; lines for people begin with `mark`."""

    def say(line: str) -> None:
        sys.stdout.write(f"{mark}{line}\n")
        sys.stdout.flush()

    modules = mypycify(list(files), opt_level="3", debug_level="0", multi_file=True)
    if sys.platform == "linux":
        modules = [_with(one, DIRECT, DIRECT_LINKS) for one in modules]
    why_not = _why_not()
    if not why_not:
        _compile([_with(one, COUNTS, COUNTS) for one in modules], jobs)
        say("running it, to see which ways are taken")
        why_not = _rehearse()
    if why_not:
        say(f"{why_not}: compiling without a rehearsal, to code that is slower by a sixth")
    else:
        say("compiling it once more, for those ways")
        modules = [_with(one, USES) for one in modules]
    _compile(modules, jobs)


def _with(module: Extension, words: Sequence[str], links: Sequence[str] = ()) -> Extension:
    made = copy.copy(module)
    made.extra_compile_args = [*module.extra_compile_args, *words]
    made.extra_link_args = [*module.extra_link_args, *links]
    return made


# Other compilers count as well, each in a way of its own.
def _why_not() -> str:
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    asked = [*shlex.split(compiler), "--version"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return "" if "Free Software Foundation" in told else "the compiler is not GCC"


# Returns why it failed. What was made lies beside the sources, where it is found before them.
def _rehearse() -> str:
    told = f"`mm {' '.join(REHEARSAL)}`"
    command = [sys.executable, "-m", "mm", *REHEARSAL]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=REHEARSAL_S_MAX)
    except subprocess.TimeoutExpired:
        return f"{told} took longer than {REHEARSAL_S_MAX} s"
    return f"{told} ended with {done.returncode}" if done.returncode else ""


def _compile(modules: Sequence[Extension], jobs: int) -> None:
    setup(
        name="mm-compiled",
        script_args=["build_ext", "--inplace", "--parallel", str(jobs)],
        ext_modules=list(modules),
        cmdclass={"build_ext": _FileByFile},
    )


class _FileByFile(build_ext):  # type: ignore[misc]  # for the same reason
    # Nearly all is one library of many files: they are compiled as many at once as there are jobs.
    def build_extension(self, ext: Extension) -> None:
        def compiled(file: str) -> list[str]:
            made: list[str] = self.compiler.compile(
                [file],
                output_dir=self.build_temp,
                include_dirs=ext.include_dirs,
                extra_postargs=ext.extra_compile_args,
            )
            return made

        with ThreadPoolExecutor(self.parallel) as pool:
            objects = [one for made in pool.map(compiled, ext.sources) for one in made]
        self.compiler.link_shared_object(
            objects,
            self.get_ext_fullpath(ext.name),
            libraries=self.get_libraries(ext),
            library_dirs=ext.library_dirs,
            extra_postargs=ext.extra_link_args,
            export_symbols=self.get_export_symbols(ext),
            build_temp=self.build_temp,
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
