import itertools

import numpy as np
import pytest

from pipeline.report.style import MARKERS, PALETTE, PALETTE_DARK, heat_color, styles

# Simulation of colour vision at full severity, linear RGB (Machado, Oliveira and Fernandes, 2009).
VISION = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(color):
    value = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def luminance(color):
    return float(np.array([0.2126, 0.7152, 0.0722]) @ linear(color))


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def oklab(rgb):
    """Perceptual coordinates, in which equal distances look about equal (B. Ottosson, 2020)."""
    to_cones = [
        [0.41222147, 0.53633254, 0.05144599],
        [0.21190350, 0.68069955, 0.10739696],
        [0.08830246, 0.28171884, 0.62997870],
    ]
    to_lab = [
        [0.21045426, 0.79361779, -0.00407205],
        [1.97799850, -2.42859221, 0.45059371],
        [0.02590404, 0.78277177, -0.80867577],
    ]
    return np.array(to_lab) @ np.cbrt(np.array(to_cones) @ np.clip(rgb, 0, 1))


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("palette", [PALETTE, PALETTE_DARK], ids=["light", "dark"])
def test_any_two_colours_stay_apart(palette, vision):
    seen = [oklab(np.array(VISION[vision]) @ linear(color)) for color in palette]
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))
    assert nearest > 0.07


def test_colours_stand_out_from_their_background():
    assert min(contrast(color, "#ffffff") for color in PALETTE) > 2.5
    assert min(contrast(color, "#171a20") for color in PALETTE_DARK) > 3


def test_the_common_predictors_differ_in_colour_and_marker():
    looks = styles(["rf", "xgb", "lgb", "ngb", "gp", "bayes_lin_reg", "params", "flops"])
    assert len({look.color for look in looks.values()}) == 8
    assert len({look.marker for look in looks.values()}) == 8


def test_known_names_look_the_same_in_every_report():
    assert styles(["rf"])["rf"] == styles(["aaa", "gp", "rf", "zzz"])["rf"]


def test_unknown_names_do_not_depend_on_order_or_process():
    names = [f"method {i}" for i in range(20)]
    assert styles(names) == styles(reversed(names))
    looks = styles(["my_own_method"])
    assert looks["my_own_method"].color < len(PALETTE)
    # The value itself: a change would repaint every existing report.
    assert (looks["my_own_method"].color, looks["my_own_method"].marker) == (5, 7)


@pytest.mark.parametrize("count", [1, 40, 64])
def test_no_two_share_colour_and_marker(count):
    looks = styles([*(f"m{i}" for i in range(count - 1)), "rf"])
    assert len(looks) == count
    assert len({(look.color, look.marker) for look in looks.values()}) == count


def test_more_names_than_styles_still_get_one():
    looks = styles(f"m{i}" for i in range(100))
    assert len(looks) == 100
    assert all(0 <= look.color < len(PALETTE) and 0 <= look.marker < len(MARKERS) for look in looks.values())


def test_heat_colours_keep_their_text_readable():
    for tau in np.linspace(-1, 1, 201):
        background, ink = heat_color(float(tau))
        assert contrast(background, ink) > 4.0, tau


def test_heat_colours_darken_with_tau_on_both_sides_of_zero():
    positive = [luminance(heat_color(float(tau))[0]) for tau in np.linspace(0, 1, 50)]
    negative = [luminance(heat_color(float(tau))[0]) for tau in np.linspace(0, -1, 50)]
    assert (np.diff(positive) < 0).all()
    assert (np.diff(negative) < 0).all()


def test_heat_colour_of_values_beyond_the_scale_is_its_end():
    assert heat_color(1.5) == heat_color(1.0)
