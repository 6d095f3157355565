"""
Writes the file system of a trainer image to standard output as a tar: this interpreter with its packages, the system libraries they
need, the first process and the tabular trainer. Nothing is pulled and nothing has to be root. --bare leaves the packages out.
"""

import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
PYTHON = Path("opt/python")
LIBRARY = PYTHON / "lib" / VERSION
# Never imported by a training, and a third of the size. Bytecode stays: without it imports take four times as long.
UNUSED = re.compile(r"(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|config-.*|site-packages|pip|setuptools|include)")
UNUSED_PACKAGES = re.compile(r"(tests|pip|pip-.*|setuptools|setuptools-.*|include|_distutils_hack)")


def main(bare: bool) -> None:
    standard = Path(sysconfig.get_path("stdlib"))
    packages = Path(sysconfig.get_path("platlib"))
    interpreter = Path(sys.executable).resolve()
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        image = Image(tar)
        image.add_file(interpreter, PYTHON / "bin" / "python3", 0o755)
        image.add_folder(standard, LIBRARY, UNUSED)
        if not bare:
            image.add_folder(packages, LIBRARY / "site-packages", UNUSED_PACKAGES)
        image.add_libraries(inside=[packages, standard])
        for file in [CHECKOUT / "trainers/start.py", *sorted((CHECKOUT / "trainers/tabular").glob("*.py"))]:
            image.add_file(file, Path("opt/trainer") / file.name)
        image.add_file(CHECKOUT / "trainers/tabular/requirements.lock", Path("opt/trainer/requirements.lock"))
        image.add_text(Path("etc/passwd"), "trainer:x:10001:10001::/tmp:/sbin/nologin\n")
        image.add_text(Path("etc/group"), "trainer:x:10001:\n")
        for folder in ("opt/ml", "proc", "sys", "dev"):
            image.add_empty(folder, 0o755)
        # What is mounted there takes the folder's mode over.
        image.add_empty("tmp", 0o1777)


class Image:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar
        self.binaries: list[Path] = []

    def add_file(self, source: Path, target: Path, mode: int = 0o644) -> None:
        with open(source, "rb") as content:
            entry = self.tar.gettarinfo(arcname=str(target), fileobj=content)
            # A hard link would lead to a name that is not in the image.
            entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", os.fstat(content.fileno()).st_size
            self.tar.addfile(owned(entry, mode), content)
            content.seek(0)
            if content.read(4) == b"\x7fELF":
                self.binaries.append(source)

    def add_folder(self, source: Path, target: Path, unused: "re.Pattern[str]") -> None:
        for folder, names, files in os.walk(source):
            names[:] = sorted(name for name in names if not unused.fullmatch(name))
            for name in sorted(files):
                if not name.endswith((".a", ".pyi", ".h", ".o", ".pth")):
                    path = Path(folder) / name
                    self.add_file(path, target / path.relative_to(source))

    def add_libraries(self, inside: "list[Path]") -> None:
        """What the dynamic linker names for all binaries so far. Those that packages bring along are there already."""
        told = subprocess.run(["ldd", *map(str, self.binaries)], capture_output=True, text=True).stdout
        found = {Path(path) for path in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", told, re.MULTILINE)}
        for library in sorted(found):
            real = library.resolve()
            if any(real.is_relative_to(folder.resolve()) for folder in inside):
                continue
            ordinary = re.match(r"/(usr/)?lib(64)?/", str(library))
            target = library.relative_to("/") if ordinary else PYTHON / "lib" / library.name
            self.add_file(real, target, 0o755)

    def add_text(self, target: Path, text: str) -> None:
        entry = tarfile.TarInfo(str(target))
        entry.size = len(text.encode())
        self.tar.addfile(owned(entry, 0o644), io.BytesIO(text.encode()))

    def add_empty(self, target: str, mode: int) -> None:
        entry = tarfile.TarInfo(target)
        entry.type = tarfile.DIRTYPE
        self.tar.addfile(owned(entry, mode))


def owned(entry: tarfile.TarInfo, mode: int) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = mode
    # Bytecode names its source's time in whole seconds.
    entry.mtime = int(entry.mtime)
    return entry


if __name__ == "__main__":
    main(bare="--bare" in sys.argv[1:])
