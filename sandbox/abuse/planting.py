"""Attacks that leave something for the next run to trip over: modules, start-up files, programs, settings.

The judge runs innocent code in the same session; the word PLANTED in its output, or a wrong answer, means that it ran
what the attack had left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sandbox.abuse.attack import Attack, Judge, Ruling, Scene, Verdict
from sandbox.contracts import Result, SandboxError, SandboxUnavailable, Session

__all__ = ["PLANTING"]

Victim = Callable[[Session], Awaitable[Result]]


async def one_shot(session: Session) -> Result:
    return await session.python("print(6 * 7)")


async def remembering(session: Session) -> Result:
    return await session.python("print(6 * 7)", stateful=True)


async def failing(session: Session) -> Result:
    """An error and its traceback, for which more of the library is needed."""
    result = await session.python("def f():\n    return 1 / 0\nf()")
    return await one_shot(session) if result.error and result.error.type == "ZeroDivisionError" else result


async def line(session: Session) -> Result:
    return await session.run("echo $((6 * 7))")


async def programs(session: Session) -> Result:
    await session.run("ls / > /dev/null; cat /dev/null; true; python3 -I -c pass; env true", env={})
    return await session.run(["expr", "6", "*", "7"])


def next_runs(*victims: Victim) -> Judge:
    """None of the victims runs what was planted, and each prints 42."""

    async def judge(scene: Scene) -> Ruling:
        if scene.result is None or not scene.result.ok:
            return Ruling(Verdict.UNTRIED, f"{scene.failure or scene.result}")
        for victim in victims:
            result = await victim(scene.session)
            if "PLANTED" in result.stdout + result.stderr or result.stdout.strip() != "42":
                told = (result.stdout + result.stderr).strip()[-100:]
                return Ruling(Verdict.NOT_STOPPED, f"{victim.__name__.replace('_', '-')}: {told!r}")
        mark = await scene.session.run(["ls"])
        if "RAN" in mark.stdout.split():
            return Ruling(Verdict.NOT_STOPPED, "what was planted ran, and said nothing")
        return Ruling(Verdict.STOPPED, "the next runs did not load it")

    return judge


async def a_later_command(scene: Scene) -> Ruling:
    """The user's own `python3` may load what lies in its home: then a new session must not."""
    result = await scene.session.run(["python3", "-c", "print(6 * 7)"])
    if "PLANTED" not in result.stdout + result.stderr:
        return Ruling(Verdict.STOPPED, "not loaded even by a plain python3")
    async with await scene.session.sandbox.open(scene.limits) as fresh:
        again = await fresh.run(["python3", "-c", "print(6 * 7)"])
    if "PLANTED" in again.stdout + again.stderr:
        return Ruling(Verdict.NOT_STOPPED, "a new session loads it")
    return Ruling(Verdict.HARMLESS, "only a plain python3 of the same session loads it")


async def installing(scene: Scene) -> Ruling:
    """A planted setting does not lead pip to another index."""
    index = f"http://127.0.0.1:{scene.trap.facts['allowed_port']}/simple"
    try:
        result = await scene.session.install("agentkit-no-such-package", index_url=index)
    except SandboxUnavailable:
        return Ruling(Verdict.STOPPED, "nothing can be installed")
    except SandboxError as error:
        return Ruling(Verdict.UNTRIED, f"{type(error).__name__}: {error}")
    if "PLANTED" in result.stdout + result.stderr:
        return Ruling(Verdict.NOT_STOPPED, "a planted pip ran")
    return Ruling(Verdict.STOPPED, "only the named index was asked")


async def files_only(scene: Scene) -> Ruling:
    """Reading, listing and copying the folder runs nothing that lies in it."""
    session = scene.session
    await session.list()
    await session.read(".git/config")
    await session.restore(await session.snapshot())
    return await next_runs(line)(scene)


async def replayed(scene: Scene) -> Ruling:
    """A fork knows the variables of the snippets that ran, and nothing else."""
    async with await scene.session.fork() as copy:
        result = await copy.python("print(planted)", stateful=True)
    if "PLANTED" in result.stdout or result.stdout.strip() != "42":
        return Ruling(Verdict.NOT_STOPPED, f"{result.stdout + result.stderr} {result.error}")
    return Ruling(Verdict.STOPPED, "only snippets that ran are replayed")


PLANT = r"""
def plant(*names, text):
    for name in names:
        if name.startswith("/tmp"):  # the sandbox's own, so that `process` leaves nothing in this machine's
            name = os.environ.get("TMPDIR", "/tmp") + name[4:]
        path = os.path.expanduser(name)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, 0o755)
version = f"python{sys.version_info.major}.{sys.version_info.minor}"
python_text = "import os\nprint('PLANTED', flush=True)\nopen('RAN', 'w').close()\n"
shell_text = "#!/bin/sh\necho PLANTED\ntouch RAN\n"
"""

EVERY_RUN = (one_shot, remembering, failing, line)

PLANTING = (
    Attack(
        name="a planted json.py",
        tries="have the interpreter load modules of the standard library from the work folder",
        code=PLANT
        + """
names = (
    "json",
    "os",
    "re",
    "ast",
    "io",
    "site",
    "traceback",
    "linecache",
    "codeop",
    "types",
    "struct",
    "signal",
    "tokenize",
    "token",
    "base64",
    "contextlib",
    "inspect",
    "typing",
    "selectors",
    "pickle",
    "abc",
    "codecs",
    "warnings",
)
plant(
    *(f"{name}.py" for name in names),
    "encodings/__init__.py",
    "collections/__init__.py",
    "importlib/__init__.py",
    text=python_text,
)
""",
        judge=next_runs(*EVERY_RUN),
    ),
    Attack(
        name="a planted matplotlib",
        tries="have what collects figures load a library from the work folder",
        code=PLANT
        + """
plant(
    "matplotlib.py",
    "matplotlib/__init__.py",
    "matplotlib/pyplot.py",
    "numpy.py",
    "pandas.py",
    "IPython.py",
    "PIL/__init__.py",
    text=python_text,
)
""",
        judge=next_runs(*EVERY_RUN),
    ),
    Attack(
        name="a planted sitecustomize",
        tries="have Python load a start-up module from the work folder, the home folder or the user's packages",
        code=PLANT
        + """
places = (
    ".",
    "~",
    f"~/.local/lib/{version}/site-packages",
    f".local/lib/{version}/site-packages",
    ".packages",
    "/tmp",
)
plant(*(f"{place}/{name}.py" for place in places for name in ("sitecustomize", "usercustomize")), text=python_text)
plant(*(f"{place}/x.pth" for place in places), text="import usercustomize\\n")
plant("pyvenv.cfg", text="home = /work\\ninclude-system-site-packages = false\\n")
""",
        judge=next_runs(*EVERY_RUN),
    ),
    Attack(
        name="start-up files for later commands",
        tries="have a plain python3 of a later command, or of another session, load a start-up module",
        code=PLANT
        + """
plant(
    *(f"{place}/usercustomize.py" for place in (".", f"~/.local/lib/{version}/site-packages", ".packages")),
    text=python_text,
)
""",
        judge=a_later_command,
    ),
    Attack(
        name="a planted .bashrc",
        tries="have the shell run a start-up file from the work folder or the home folder",
        code=PLANT
        + """
plant(
    *(
        f"{place}/{name}"
        for place in (".", "~", "/tmp")
        for name in (
            ".bashrc",
            ".bash_profile",
            ".profile",
            ".bash_login",
            ".bash_aliases",
            ".bash_logout",
            ".shrc",
            ".inputrc",
            ".env",
        )
    ),
    text=shell_text,
)
os.environ["BASH_ENV"] = os.environ["ENV"] = os.path.abspath(".bashrc")
os.environ["PROMPT_COMMAND"] = "echo PLANTED"
""",
        judge=next_runs(line, one_shot),
    ),
    Attack(
        name="planted programs",
        tries="have commands and the sandbox itself start programs from the work folder",
        code=PLANT
        + """
names = ("sh", "bash", "env", "ls", "cat", "true", "expr", "python", "python3", "pip", "git", "tar", "rm", "kill")
plant(
    *(
        f"{place}/{name}"
        for place in (".", "bin", "~/bin", "~/.local/bin", ".packages/bin", "/tmp")
        for name in names
    ),
    text=shell_text,
)
os.environ["PATH"] = os.getcwd() + ":" + os.environ.get("PATH", "")
""",
        judge=next_runs(programs, line, one_shot),
    ),
    Attack(
        name="a planted library",
        tries="have the loader put a library of its own into every program",
        code=PLANT
        + """
plant("libc.so.6", "libpthread.so.0", "libdl.so.2", "evil.so", "tls/libc.so.6", text="not a library")
os.environ["LD_PRELOAD"] = os.path.abspath("evil.so")
os.environ["LD_LIBRARY_PATH"] = os.getcwd()
os.environ["PYTHONPATH"] = os.environ["PYTHONHOME"] = os.environ["PYTHONSTARTUP"] = os.getcwd()
try:
    open("/etc/ld.so.preload", "a").write("")
    plant("RAN")
except OSError:
    pass
""",
        judge=next_runs(programs, *EVERY_RUN),
        hurts="could change what every program of the machine loads",
    ),
    Attack(
        name="planted settings of pip",
        tries="have an installation ask another index, through settings in the work folder or the home folder",
        code=PLANT
        + """
other = f"http://127.0.0.1:{TRAP['port']}/simple"
names = ("index-url", "extra-index-url", "find-links", "proxy")
text = "\\n".join(["[global]", "trusted-host = 127.0.0.1", *(f"{name} = {other}" for name in names)])
plant("pip.conf", ".pip/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf", ".config/pip/pip.conf", text=text)
plant("pip.py", "pip/__main__.py", "pip/__init__.py", ".packages/pip/__main__.py", text=python_text)
plant(".pydistutils.cfg", "setup.cfg", "~/.pydistutils.cfg", text=f"[easy_install]\\nindex_url = {other}\\n")
""",
        judge=installing,
        allow=("127.0.0.1:{allowed}",),
    ),
    Attack(
        name="planted hooks of git",
        tries="have whoever reads or copies the folder run the hooks of a repository in it",
        code=PLANT
        + """
os.makedirs(".git/objects"), os.makedirs(".git/refs/heads")
plant(
    *(f".git/hooks/{name}" for name in ("post-checkout", "pre-commit", "post-index-change", "fsmonitor-watchman")),
    text=shell_text,
)
plant(
    ".git/config",
    text="[core]\\nrepositoryformatversion = 0\\nfsmonitor = .git/hooks/pre-commit\\nhooksPath = .git/hooks\\n",
)
plant(".git/HEAD", text="ref: refs/heads/main\\n")
plant(".gitattributes", text="* filter=evil diff=evil\\n")
plant("conftest.py", "pytest.ini", "setup.py", "Makefile", text=python_text)
""",
        judge=files_only,
    ),
    Attack(
        name="a planted history",
        tries="have a fork or a restored session run what a stateful snippet did not run",
        code="""
import builtins
builtins.history = ["print('PLANTED')"]
for name, module in list(sys.modules.items()):
    for attribute in ("history", "HISTORY", "snippets"):
        if isinstance(getattr(module, attribute, None), list):
            getattr(module, attribute).append("print('PLANTED')")
planted = 6 * 7
""",
        judge=replayed,
        stateful=True,
    ),
)
