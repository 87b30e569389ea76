"""Every small mistake that might have been made in a file."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

COMPARED = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.Pow: ast.Mult,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One mistake: where it is, what was written there, what is now, and the whole file with it.

    `lines` are those of the statement that it is in, without the statements within.
    """

    path: Path
    line: int
    lines: range
    old: str
    new: str
    tree: ast.Module

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.old}  ->  {self.new}"


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What might have been written by mistake in place of a node."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARED:
            yield ast.Compare(node.left, [COMPARED[type(op)]()], node.comparators)
        case ast.BinOp(op=op) if type(op) in COMPUTED:
            yield ast.BinOp(node.left, COMPUTED[type(op)](), node.right)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield values[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand) | ast.UnaryOp(op=ast.USub(), operand=operand):
            yield operand
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value + 1)
        case ast.If(test=test) | ast.While(test=test) if not isinstance(test, ast.Compare | ast.UnaryOp):
            changed = copy.copy(node)
            changed.test = ast.UnaryOp(ast.Not(), test)
            yield changed
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Continue() | ast.Break():
            yield ast.Pass()


def mutants(path: Path) -> list[Mutant]:
    """Every mistake in a file, docstrings, annotations and messages aside."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    found = []
    for node, field, index, lines in _places(tree, range(1, 2)):
        value = getattr(node, field)
        old = value if index is None else value[index]
        for new in changes(old):
            ast.copy_location(new, old)
            _put(node, field, index, new)
            whole = ast.fix_missing_locations(copy.deepcopy(tree))
            found.append(Mutant(path, old.lineno, lines, _short(old), _short(new), whole))
            _put(node, field, index, old)
    return found


def _places(tree: ast.AST, lines: range) -> Iterator[tuple[ast.AST, str, int | None, range]]:
    """Where expressions and statements stand: the node above, its field, the place in a list, and the lines of the
    statement, which are `lines` for expressions of `tree` itself."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr | ast.Raise):
                continue
            if _is_setting(child) or _is_doubt(tree, child):
                continue
            own = _lines(child) if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case) else lines
            if hasattr(child, "lineno"):
                yield tree, field, index, own
            yield from _places(child, own)


def _lines(statement: ast.AST) -> range:
    """The lines of a statement itself: of one that holds others its head."""
    if isinstance(statement, ast.match_case):
        return range(statement.pattern.lineno, statement.body[0].lineno + 1)
    body = getattr(statement, "body", None)
    return range(statement.lineno, max(statement.lineno + 1, body[0].lineno) if body else statement.end_lineno + 1)


def _is_setting(node: ast.AST) -> bool:
    """Whether a node is a limit such as `REMEMBERED = 4096`, which no text depends on, is for type checkers only, or
    says how an object is shown."""
    if isinstance(node, ast.keyword):
        return node.arg == "repr"
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper()


def _is_doubt(above: ast.AST, node: ast.AST) -> bool:
    """Whether a node is the `strict=True` of a `zip`, which only ever raises where our own lengths differ: without it
    every call that was right gives the same."""
    if not (isinstance(above, ast.Call) and isinstance(node, ast.keyword)):
        return False
    return ast.unparse(above.func) == "zip" and ast.unparse(node) == "strict=True"


def _put(node: ast.AST, field: str, index: int | None, new: ast.AST) -> None:
    if index is None:
        setattr(node, field, new)
    else:
        getattr(node, field)[index] = new


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).split("\n")
    return text[0][:90] + (" ..." if len(text) > 1 else "")
