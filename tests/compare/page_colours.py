# SPDX-License-Identifier: MIT
"""How well colours can be told apart: contrast of text (WCAG 2), differences of colours (CIE 1976) as colour-blind eyes
see them (the matrices of Machado, Oliveira and Fernandes, 2009, for linear light)."""

import re

EYES = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
WHITE = (0.95047, 1.0, 1.08883)
XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))


def rgb(text):
    """Returns (red, green, blue), 0 to 255, of a CSS colour such as "#0072b2" or "rgb(0, 114, 178)"."""
    text = text.strip()
    if text.startswith("#"):
        return tuple(int(text[at : at + 2], 16) for at in (1, 3, 5))
    return tuple(float(part) for part in re.findall(r"[\d.]+", text)[:3])


def linear(colour):
    return tuple(part / 255 / 12.92 if part <= 10.31475 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour)


def times(matrix, vector):
    return tuple(sum(a * b for a, b in zip(row, vector)) for row in matrix)


def contrast(one, other):
    """Returns the contrast of two CSS colours, 1 to 21."""
    dark, light = sorted(times(XYZ, linear(rgb(colour)))[1] for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def seen_by(eyes, colour):
    """Returns a colour as such eyes see it, in linear light, 0 to 1."""
    return tuple(min(1, max(0, part)) for part in times(EYES[eyes], linear(colour)))


def lab(light):
    x, y, z = (part / white for part, white in zip(times(XYZ, light), WHITE))
    fx, fy, fz = (part ** (1 / 3) if part > 216 / 24389 else (24389 / 27 * part + 16) / 116 for part in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def difference(one, other):
    """Returns the CIE 1976 difference of two colours in linear light; 2.3 can just be noticed."""
    return sum((a - b) ** 2 for a, b in zip(lab(one), lab(other))) ** 0.5
