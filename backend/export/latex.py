"""Tables for LaTeX, with booktabs and nothing else."""

from backend.export.table import Head, Table, groups

SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "—": "---",
    "–": "--",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "Δ": r"$\Delta$",
    "·": r"$\cdot$",
    "✓": r"$\surd$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "≠": r"$\neq$",
    "→": r"$\rightarrow$",
    "‖": r"$\Vert$",
    "²": r"$^2$",
    "…": r"\ldots{}",
    "\n": " ",
}
"""What means something to TeX, and what its older fonts do not have."""


def escaped(text: str) -> str:
    """Return text that TeX sets as it stands. Two hyphens would be set as a dash."""
    signs = "".join(SIGNS.get(sign, sign) for sign in text.replace("--", "-\0-"))
    # A bracket after the end of a row would be read as the space below it.
    return signs.replace("\0", "{}").replace("[", "{[}").replace("]", "{]}")


def latex(table: Table) -> str:
    """Return a table environment; numbers are rounded as on the page. Needs \\usepackage{booktabs}."""
    alignment = "".join("r" if head.numeric else "l" for head in table.heads)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(table.caption)}}}",
        rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"\toprule",
        *_group_lines(table.heads),
        _row([head.text for head in table.heads]),
        r"\midrule",
        *(_row(row) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip {escaped(note)}" for note in table.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return " & ".join(escaped(cell) for cell in cells) + r" \\"


def _group_lines(heads: list[Head]) -> list[str]:
    """Return the heads above the heads with the rules under them, where there are any."""
    spans = groups(heads)
    if all(group is None for group, _ in spans):
        return []
    cells, rules, column = [], [], 1
    for group, width in spans:
        cells.append("" if group is None else rf"\multicolumn{{{width}}}{{c}}{{{escaped(group)}}}")
        if group is not None:
            rules.append(rf"\cmidrule(lr){{{column}-{column + width - 1}}}")
        column += width
    return [" & ".join(cells) + r" \\", " ".join(rules)]
