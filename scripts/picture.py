#!/usr/bin/env python3
"""Draws docs/tail.svg and docs/watch.svg from what `cmon tail --demo` and `cmon watch --demo` print.

    ./scripts/picture.py [CMON]    CMON: the program, target/debug/cmon by default

tmux plays the terminal (apt: tmux), so that cursor moves are followed and colors are known. The pictures have always
the same size; what they show changes with each run.
"""

import html
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLUMNS, ROWS = 100, 20
# Seconds until the screen has something to show.
SETTLED = 12
CELL_WIDTH, LINE_HEIGHT, FONT_SIZE, PADDING, BAR = 8.4, 18, 14, 14, 30
BACKGROUND, FOREGROUND = "#161b22", "#d7dde5"
NORMAL = ["#6e7681", "#ff7b72", "#56d364", "#e3b341", "#79b8ff", "#d2a8ff", "#56d4dd", "#d7dde5"]
BRIGHT = ["#8b949e", "#ffa198", "#7ee787", "#f2cc60", "#a5d6ff", "#e2c5ff", "#8be9f0", "#ffffff"]


def screen(command):
    """The rows of a terminal in which this command has run for a while, with SGR sequences."""
    with tempfile.TemporaryDirectory() as directory:
        socket = os.path.join(directory, "tmux")
        tmux = ["tmux", "-S", socket, "-f", "/dev/null"]
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.pop("NO_COLOR", None)
        try:
            subprocess.run([*tmux, "new-session", "-d", *size, " ".join(command)], check=True, env=environment)
            time.sleep(SETTLED)
            captured = subprocess.run([*tmux, "capture-pane", "-e", "-p"], check=True, capture_output=True, text=True)
            return captured.stdout.split("\n")[:ROWS]
        finally:
            subprocess.run([*tmux, "kill-server"], stderr=subprocess.DEVNULL, check=False)


def indexed(number):
    """A color of the 256."""
    if number < 16:
        return (NORMAL + BRIGHT)[number]
    if number < 232:
        levels = [0, 95, 135, 175, 215, 255]
        number -= 16
        return "#%02x%02x%02x" % (levels[number // 36], levels[number // 6 % 6], levels[number % 6])
    return "#" + "%02x" % (8 + 10 * (number - 232)) * 3


def styled(style, codes):
    """The style after an SGR sequence."""
    style, codes = dict(style), [int(code or 0) for code in codes.split(";")]
    while codes:
        code = codes.pop(0)
        if code == 0:
            style = {}
        elif code in (1, 2, 7):
            style[{1: "bold", 2: "dim", 7: "reverse"}[code]] = True
        elif code in (22, 27):
            for name in {22: ("bold", "dim"), 27: ("reverse",)}[code]:
                style.pop(name, None)
        elif code in (38, 48):
            name, kind = "fg" if code == 38 else "bg", codes.pop(0)
            if kind == 5:
                style[name] = indexed(codes.pop(0))
            else:
                style[name] = "#%02x%02x%02x" % tuple(codes.pop(0) for _ in range(3))
        elif code in (39, 49):
            style.pop("fg" if code == 39 else "bg", None)
        else:
            for first, name, colors in ((30, "fg", NORMAL), (40, "bg", NORMAL), (90, "fg", BRIGHT), (100, "bg", BRIGHT)):
                if first <= code < first + 8:
                    style[name] = colors[code - first]
    return style


def runs(row, style):
    """Pieces of a row as (column, cells, text, style), and the style behind it."""
    pieces, column = [], 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", row):
        code = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if code:
            style = styled(style, code[1])
        elif part:
            cells = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in part)
            pieces.append((column, cells, part, style))
            column += cells
    return pieces, style


def svg(rows, title):
    width, height = COLUMNS * CELL_WIDTH + 2 * PADDING, ROWS * LINE_HEIGHT + BAR + 2 * PADDING
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
        f' role="img" aria-label="{html.escape(title)}" font-size="{FONT_SIZE}"'
        ' font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace">',
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
    ]
    for at, color in enumerate(("#ff7b72", "#e3b341", "#56d364")):
        lines.append(f'<circle cx="{PADDING + 6 + 20 * at}" cy="{BAR / 2 + 4:g}" r="6" fill="{color}"/>')
    style = {}
    for at, row in enumerate(rows):
        top = BAR + PADDING + at * LINE_HEIGHT
        pieces, style = runs(row, style)
        for column, cells, text, look in pieces:
            color, behind = look.get("fg", FOREGROUND), look.get("bg")
            if look.get("reverse"):
                color, behind = behind or BACKGROUND, color
            left, length = PADDING + column * CELL_WIDTH, cells * CELL_WIDTH
            if behind:
                lines.append(f'<rect x="{left:g}" y="{top:g}" width="{length:g}" height="{LINE_HEIGHT}" fill="{behind}"/>')
            if text.strip():
                extra = ' font-weight="bold"' if look.get("bold") else ""
                extra += ' opacity="0.65"' if look.get("dim") else ""
                # The length is given, so a font of another width keeps the columns.
                lines.append(
                    f'<text x="{left:g}" y="{top + LINE_HEIGHT * 0.75:g}" textLength="{length:g}" xml:space="preserve"'
                    f' lengthAdjust="spacingAndGlyphs" fill="{color}"{extra}>{html.escape(text)}</text>'
                )
    return "\n".join([*lines, "</svg>", ""])


def main():
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    cmon = sys.argv[1] if sys.argv[1:] else str(ROOT / "target/debug/cmon")
    commands = {
        "tail": ["tail", "--demo", "-n", "2"],
        "watch": ["watch", "--demo", "--stream-timeout", "10s"],
    }
    with ThreadPoolExecutor() as pool:
        screens = pool.map(lambda arguments: screen([cmon, *arguments]), commands.values())
        for (name, arguments), rows in zip(commands.items(), screens):
            (ROOT / "docs" / f"{name}.svg").write_text(svg(rows, f"cmon {' '.join(arguments)}"))


if __name__ == "__main__":
    main()
