"""Reads the sentences that modules may tell off their source: every message of theirs, with 甲 for what is put in."""

import ast
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from itertools import islice, product
from pathlib import Path

FILLED = "甲"
"""Stands for what is put into a sentence."""

MOST = 64
"""How many wordings of one message are looked at."""

DEEP = 6
"""How far words are followed from name to name."""

TELLING = {
    "GenError": 0, "ConflictError": 0, "UndecidedError": 0, "BusyError": 0, "PluginError": 0, "BoundError": 0,
    "refusal": 0, "error": 0, "Refusal": 2, "HTTPException": 1, "note": 0, "say": 0, "Fault": 3, "Note": 3,
    "Removal": 2, "_cannot": 9, "Failed": 2,
}  # fmt: skip
"""By what is called, which of its arguments people read."""

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
SAYING = frozenset(
    "describe_next wanted_at _message _demand _what _about_body _missing _gaps _pauses"
    .split()
)  # fmt: skip
"""Functions whose answers people read; of a tuple, the last part."""


def modules_of(*names):
    """The files of modules, and of packages with all that is in them; what is not installed has none."""
    for name in names:
        try:
            found = find_spec(name)
        except ModuleNotFoundError:
            continue
        origin = Path(found.origin)
        yield from sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]


def sentences_of(file):
    """The sentences of a module."""
    return Module(ast.parse(file.read_text(encoding="utf-8"))).sentences()


@dataclass
class Module:
    """A parsed module."""

    tree: ast.Module
    scope: dict = field(default_factory=dict)

    @cached_property
    def functions(self):
        return {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}

    @cached_property
    def calls(self):
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                found.setdefault(name, []).append(node)
        return found

    def sentences(self):
        """All of them; each function is read with the names that it and the module give to words."""
        general = _named(self.tree.body)
        outside = [node for node in self.tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
        for part in [*outside, *(node for node in ast.walk(self.tree) if isinstance(node, FUNCTIONS))]:
            self.scope = general | (_named(ast.walk(part)) | self._given(part) if isinstance(part, FUNCTIONS) else {})
            for node in ast.walk(part):
                for told in _told(node, getattr(part, "name", "")):
                    yield from self.wordings(told)

    def _given(self, function):
        """What the module itself gives to the parameters of one of its functions."""
        names = [each.arg for each in function.args.args if each.arg not in ("self", "cls")]
        given = {}
        for call in self.calls.get(function.name, ()):
            pairs = [*zip(names, call.args, strict=False), *((each.arg, each.value) for each in call.keywords)]
            for name, value in pairs:
                given.setdefault(name, []).append(value)
        return given

    def wordings(self, node, depth=DEEP):
        """What the value of an expression may read, as far as its source says."""
        found = self._wordings(node, depth - 1) if depth else None
        return list(dict.fromkeys(islice(found, MOST))) if found is not None else [FILLED]

    def _wordings(self, node, depth):
        match node:
            case ast.Constant(value=str(words)):
                return [words]
            case ast.JoinedStr(values=parts):
                return self._joined([self.wordings(each, depth) for each in parts])
            case ast.FormattedValue(value=value, conversion=how, format_spec=spec):
                return ["7"] if spec else [f"'{FILLED}'"] if how == ord("r") else self.wordings(value, depth)
            case ast.IfExp(body=one, orelse=other) | ast.BoolOp(op=ast.Or(), values=[one, other]):
                return [*self.wordings(one, depth), *self.wordings(other, depth)]
            case ast.BinOp(left=ast.JoinedStr() | ast.Constant(value=str()) as words, op=ast.Mult()):
                return [*self.wordings(words, depth), ""]
            case ast.BinOp(left=one, op=ast.Add(), right=other):
                return self._joined([self.wordings(one, depth), self.wordings(other, depth)])
            case ast.NamedExpr(value=value):
                return self.wordings(value, depth)
            case ast.Call(func=ast.Name(id="quoted")):
                return [f"'{FILLED}'"]
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(ast.Name("self"), name)) if name in self.functions:
                found = [each.value for each in ast.walk(self.functions[name]) if isinstance(each, ast.Return)]
                return [words for each in found if each is not None for words in self.wordings(each, depth)]
            case ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name)) if name in self.scope:
                return [words for each in self.scope[name] for words in self.wordings(each, depth)]
        return None

    @staticmethod
    def _joined(parts):
        return ("".join(words) for words in product(*parts))


def _told(node, function):
    """The expressions that people read in a node."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=given, keywords=named):
            at = TELLING.get(name)
            yield from given[at : at + 1] if at is not None else []
            yield from (each.value for each in named if each.arg in ("why", "custom_error_message"))
        case ast.Return(value=value) | ast.Yield(value=value) if value is not None and function in SAYING:
            yield value.elts[-1] if isinstance(value, ast.Tuple) else value


def _named(nodes):
    """The expressions that names stand for; a dictionary's are its values."""
    found = {}
    for node in nodes:
        match node:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=value):
                pairs = [(target, value)]
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    pairs = zip(target.elts, value.elts, strict=True)
                for name, each in pairs:
                    if isinstance(name, ast.Name):
                        found.setdefault(name.id, []).extend(each.values if isinstance(each, ast.Dict) else [each])
            case ast.NamedExpr(target=target, value=value):
                found.setdefault(target.id, []).append(value)
    return found
