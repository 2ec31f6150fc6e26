"""A pickle machine that can build plain containers and nothing else.

Python's own unpickler imports whatever a file names and calls it with whatever the file says. This one decodes the same
instructions and never imports or calls anything: a global is a pair of words, and what the file wants done with it is
handed to a ``Builder``, which knows a handful of harmless names by heart.
"""

import io
import pickletools
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

MAX_STEPS: Final = 1_000_000
"""Several times the instructions of the largest checkpoints; some seconds of work."""
_MAX_KEY_BITS = 64


class PickleError(Exception):
    """The bytes are no pickle that this machine follows; the message says why."""


@dataclass(frozen=True)
class Global:
    """A class or function that a pickle names. Only its name is ever used."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Placeholder(dict[Any, Any]):
    """What stands for an object of a class that is not ours to build: its items if it had any, never its state."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.origin = origin


class Builder(Protocol):
    """Who decides what becomes of a file's wishes."""

    def build(self, wanted: Global, arguments: tuple[Any, ...]) -> Any:
        """The object for a call of a global, or a refusal."""

    def persistent(self, identity: Any) -> Any:
        """The object behind a persistent id, or a refusal."""


def unpickle(stream: io.BytesIO, builder: Builder) -> Any:
    """Read one pickle; the stream stands behind it afterwards.

    Args:
        stream: In memory: its ``read`` returns what there is, however much a damaged length asks for.
        builder: What globals and persistent ids become.

    Returns:
        Numbers, words, bytes, lists, tuples, dicts, sets, and what the builder made.

    Raises:
        PickleError: If the bytes are no whole pickle.
    """
    machine = _Machine(builder)
    for step, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if step >= MAX_STEPS:
            raise PickleError(f"it has more than {MAX_STEPS} instructions")
        if opcode.name == "STOP":
            return machine.pop()
        machine.follow(opcode.name, argument)
    raise PickleError("it ends in the middle")


def is_plain(key: Any) -> bool:
    """Whether something is a word or a number of sensible size, which can be hashed and shown at little cost."""
    return isinstance(key, str) or (isinstance(key, int) and key.bit_length() <= _MAX_KEY_BITS)


class _Machine:
    """The stack, the marks and the memo."""

    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> None:
        """Carry out one instruction of the file."""
        if name in _LITERALS:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name in _STEPS:
            _STEPS[name](self, argument)
        elif name not in _IGNORED:
            raise PickleError(f"it uses the instruction {name}")

    def pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise PickleError("it takes more from its stack than there is")
        return self._stack.pop()

    def peek(self) -> Any:
        value = self.pop()
        self._stack.append(value)
        return value

    def mark(self, _: Any) -> None:
        self._marks.append(len(self._stack))

    def since_mark(self) -> list[Any]:
        if not self._marks:
            raise PickleError("it goes back to a mark that it never set")
        start = self._marks.pop()
        taken = self._stack[start:]
        del self._stack[start:]
        return taken

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def put(self, argument: Any) -> None:
        self._memo[len(self._memo) if argument is None else int(argument)] = self.peek()

    def get(self, argument: Any) -> None:
        if int(argument) not in self._memo:
            raise PickleError("it recalls what it never stored")
        self.push(self._memo[int(argument)])

    def drop(self, _: Any) -> None:
        """POP takes a value, or a mark if that is on top."""
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self.pop()

    def build_tuple(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(items)))

    def call(self, wanted: Any, arguments: Any) -> None:
        if not isinstance(wanted, Global) or not isinstance(arguments, tuple):
            raise PickleError("it calls something that has no name")
        self.push(self._builder.build(wanted, arguments))

    def reduce(self, _: Any) -> None:
        arguments = self.pop()
        self.call(self.pop(), arguments)

    def reduce_keywords(self, _: Any) -> None:
        self.pop()
        self.reduce(None)

    def instance(self, argument: Any) -> None:
        self.call(_global(argument), tuple(self.since_mark()))

    def object_since_mark(self, _: Any) -> None:
        items = self.since_mark()
        self.call(items[0] if items else None, tuple(items[1:]))

    def stack_global(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise PickleError("it names a global by something that is no word")
        self.push(Global(module, name))

    def persistent(self, _: Any) -> None:
        self.push(self._builder.persistent(self.pop()))

    def set_items(self, pairs: list[Any]) -> None:
        """Items whose keys are no plain words or numbers belong to book-keeping, and are left out."""
        target = self.peek()
        if not isinstance(target, dict) or len(pairs) % 2:
            raise PickleError("it fills something that is no dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if is_plain(key):
                target[key] = value

    def set_item(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def extend(self, items: list[Any]) -> None:
        target = self.peek()
        if isinstance(target, list):
            target.extend(items)
        elif isinstance(target, set):
            target.update(filter(is_plain, items))
        elif not isinstance(target, Placeholder):
            raise PickleError("it appends to something that is no list")

    def ignore_state(self, _: Any) -> None:
        """BUILD gives an object its attributes: nothing here has any that matter."""
        self.pop()
        self.peek()


def _global(argument: str) -> Global:
    """A name of an old protocol, which calls what moved with Python 3 by its place in Python 2."""
    module, _, name = argument.partition(" ")
    module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
    return Global(module, name)


_LITERAL_NAMES = """
INT LONG LONG1 LONG4 BININT BININT1 BININT2 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE
SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
"""
_LITERALS: Final = frozenset(_LITERAL_NAMES.split())
_CONSTANTS: Final[dict[str, Callable[[], Any]]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
_IGNORED: Final = frozenset({"PROTO", "FRAME"})


def _new_dict(machine: _Machine, _: Any) -> None:
    items = machine.since_mark()
    machine.push({})
    machine.set_items(items)


_STEPS: Final[dict[str, Callable[[_Machine, Any], object]]] = {
    "MARK": _Machine.mark,
    "POP": _Machine.drop,
    "POP_MARK": lambda machine, _: machine.since_mark(),
    "DUP": lambda machine, _: machine.push(machine.peek()),
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.build_tuple(1),
    "TUPLE2": lambda machine, _: machine.build_tuple(2),
    "TUPLE3": lambda machine, _: machine.build_tuple(3),
    "LIST": lambda machine, _: machine.push(machine.since_mark()),
    "DICT": _new_dict,
    "FROZENSET": lambda machine, _: machine.push(set(filter(is_plain, machine.since_mark()))),
    "SETITEM": _Machine.set_item,
    "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.since_mark()),
    "GLOBAL": lambda machine, argument: machine.push(_global(argument)),
    "STACK_GLOBAL": _Machine.stack_global,
    "INST": _Machine.instance,
    "OBJ": _Machine.object_since_mark,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "NEWOBJ_EX": _Machine.reduce_keywords,
    "BUILD": _Machine.ignore_state,
    "BINPERSID": _Machine.persistent,
}
