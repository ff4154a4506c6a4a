"""Hands without color: drawn ones, and those of a mesh with bones, in random poses and light.

A drawn hand is a height field of capsules with creases and nails. The mesh is
``dist/profiles/generic-hand/left.glb`` of the npm package ``@webxr-input-profiles/assets`` (MIT),
or another skinned glTF binary of WebXR joints: -z points to the tip of a finger, +y to the back of
the hand. It is bent at random and seen from all sides.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from ...errors import InputError, reason_of
from ...jsonfile import parsed_json
from ...records import Array

DRAWN_SIZE = 192
NOTHING = -9.0  # height where there is no hand
KNUCKLES = np.array([[0.37, 0.50], [0.455, 0.475], [0.54, 0.485], [0.62, 0.52]])
LENGTHS = np.array([0.27, 0.31, 0.29, 0.22])
RADII = np.array([0.043, 0.045, 0.043, 0.037])
PHALANGES = (0.45, 0.3, 0.25)
WRIST = np.array([0.5, 0.82])
THUMB = np.array([0.40, 0.74])
MODELLED_SIZE = 224
FINGERS = ("thumb", "index-finger", "middle-finger", "ring-finger", "pinky-finger")
BONES = ("metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip")
SAMPLES = 20  # points along the edge of a triangle
ARM = 0.22  # meters of arm beyond the wrist
_TYPES = {5121: np.uint8, 5123: np.uint16, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """A hand without color; its fingers point up, its arm leaves at the bottom.

    Attributes:
        shade: (S, S) float32 around 1.
        tint: (S, S) float32, how much redder than the mean.
        alpha: (S, S) float32, 0 or 1.
    """

    shade: Array
    tint: Array
    alpha: Array


class _Shape:
    """Collects capsules, creases and nails; lengths in sides of the picture."""

    def __init__(self) -> None:
        axis = (np.arange(DRAWN_SIZE) + 0.5) / DRAWN_SIZE
        self.x, self.y = np.meshgrid(axis, axis)
        self.heights: list[Array] = []
        self.creases: list[tuple[Array, Array]] = []
        self.nails: list[tuple[Array, Array, float]] = []

    def capsule(self, a: Array, b: Array, za: float, zb: float, ra: float, rb: float) -> None:
        """Add a capsule from a to b (x, y), at heights za and zb, with radii ra and rb."""
        d = b - a
        along = ((self.x - a[0]) * d[0] + (self.y - a[1]) * d[1]) / max(float(d @ d), 1e-6)
        along = np.clip(along, 0.0, 1.0)
        apart = np.hypot(self.x - a[0] - along * d[0], self.y - a[1] - along * d[1])
        under = (ra + (rb - ra) * along) ** 2 - apart**2
        top = np.sqrt(np.maximum(under, 0.0)) + za + (zb - za) * along
        self.heights.append(np.where(under > 0, top, NOTHING).astype(np.float32))

    def crease(self, at: Array, across: Array, half: float) -> None:
        """Add a crease across a joint."""
        self.creases.append((at - across * half, at + across * half))


def draw_hand(rng: np.random.Generator) -> Hand:
    """Draw a hand in a random pose, from its back or its palm."""
    shape = _Shape()
    fat = rng.uniform(0.85, 1.2)
    back = rng.random() < 0.5
    _draw_fingers(shape, rng, fat, back)
    if rng.random() < 0.85:
        _draw_thumb(shape, rng, fat, back)
    arm = WRIST + np.array([rng.uniform(-0.15, 0.15), 0.5])
    shape.capsule(WRIST, arm, -0.01, 0.0, 0.1 * fat, 0.12 * fat)
    stack = np.stack(shape.heights)
    top = stack.max(axis=0)
    alpha = (top > NOTHING / 2).astype(np.float32)
    smooth = 0.012 * np.log(np.exp((stack - top) / 0.012).sum(axis=0)) + top
    height = cv2.GaussianBlur(np.where(alpha > 0, smooth, 0).astype(np.float32), (0, 0), 1.15)
    shade = _lit(height, rng) * (1.0 - rng.uniform(0.1, 0.4) * _lines(shape, rng, back))
    blotches = rng.normal(0, 1, (DRAWN_SIZE // 8, DRAWN_SIZE // 8)).astype(np.float32)
    soft = cv2.GaussianBlur(blotches, (0, 0), 1.5)
    tint: Array = 0.06 * cv2.resize(soft, (DRAWN_SIZE, DRAWN_SIZE), interpolation=cv2.INTER_CUBIC)
    for where, along, size in shape.nails:
        nail = np.zeros((DRAWN_SIZE, DRAWN_SIZE), np.float32)
        axes = (max(1, int(0.8 * size * DRAWN_SIZE)), max(1, int(size * DRAWN_SIZE)))
        turn = float(np.degrees(np.arctan2(along[0], -along[1])))
        center = (int(where[0] * DRAWN_SIZE), int(where[1] * DRAWN_SIZE))
        cv2.ellipse(nail, center, axes, turn, 0, 360, 1.0, -1, cv2.LINE_AA)
        shade = shade * (1 + 0.15 * nail)
        tint = tint + 0.05 * nail
    return Hand(shade.astype(np.float32), tint.astype(np.float32), alpha)


def _draw_fingers(shape: _Shape, rng: np.random.Generator, fat: float, back: bool) -> None:
    curl = rng.uniform(0.0, 1.0) * (rng.random() < 0.6)
    spread = rng.uniform(0.02, 0.3)
    lengths = LENGTHS * rng.uniform(0.9, 1.1)
    hidden = rng.random(4) < (0.25 if rng.random() < 0.5 else 0.0)
    for finger, radius in enumerate(RADII * fat):
        knuckle = KNUCKLES[finger]
        root = WRIST + np.array([(finger - 1.5) * 0.045, 0.0])
        shape.capsule(root, knuckle, 0.0, 0.0, 0.075 * fat, 0.058 * fat)
        angle = (finger - 1.5) * spread * 0.6 + rng.normal(0, 0.05)
        along = np.array([np.sin(angle), -np.cos(angle)])
        bend = 1.0 if hidden[finger] else np.clip(curl + rng.normal(0, 0.12), 0, 1)
        point, z = knuckle, 0.0
        for joint, share in enumerate(PHALANGES):
            flex = min(bend * (0.5 + 0.6 * joint), 1.45)
            after = point + along * lengths[finger] * share * np.cos(flex)
            up = z + lengths[finger] * share * np.sin(flex) * (-0.4 if back else 0.5)
            ra, rb = radius * (1 - 0.07 * joint), radius * (0.95 - 0.09 * joint)
            shape.capsule(point, after, z, up, ra, rb)
            shape.crease(point, np.array([along[1], -along[0]]), ra * rng.uniform(0.6, 1.0))
            point, z = after, up
        if back:
            shape.nails.append((point - along * radius * 0.2, along, radius * 0.6))


def _draw_thumb(shape: _Shape, rng: np.random.Generator, fat: float, back: bool) -> None:
    angle = -rng.uniform(0.3, 1.1)
    middle = THUMB + 0.16 * np.array([np.sin(angle), -np.cos(angle)])
    angle += rng.uniform(-0.3, 0.5)
    along = np.array([np.sin(angle), -np.cos(angle)])
    tip = middle + 0.11 * along
    shape.capsule(THUMB, middle, 0.02, 0.03, 0.07 * fat, 0.05 * fat)
    shape.capsule(middle, tip, 0.03, 0.03, 0.049 * fat, 0.042 * fat)
    shape.crease(middle, np.array([along[1], -along[0]]), 0.04)
    if back:
        shape.nails.append((tip, along, 0.028))


def _lit(height: Array, rng: np.random.Generator) -> Array:
    """Light a height field from one side; what lies deeper than its surroundings is darker."""
    gy, gx = np.gradient(height * DRAWN_SIZE)
    light = np.array([rng.normal(), rng.normal(), rng.uniform(0.8, 2.0)])
    light /= np.linalg.norm(light)
    facing = (light[2] - gx * light[0] - gy * light[1]) / np.sqrt(gx * gx + gy * gy + 1.0)
    ambient = rng.uniform(0.35, 0.75)
    shade = ambient + (1 - ambient) * np.maximum(facing, 0.0) / max(float(light[2]), 0.5)
    hollow = cv2.GaussianBlur(height, (0, 0), 0.03 * DRAWN_SIZE) - height
    return np.asarray(shade * np.exp(-np.maximum(hollow, 0.0) * rng.uniform(2.0, 8.0)))


def _lines(shape: _Shape, rng: np.random.Generator, back: bool) -> Array:
    """Draw creases at the joints, and the lines of a palm."""
    canvas = np.zeros((DRAWN_SIZE, DRAWN_SIZE), np.float32)

    def line(a: Array, b: Array, strength: float) -> None:
        ends = [(int(p[0] * DRAWN_SIZE), int(p[1] * DRAWN_SIZE)) for p in (a, b)]
        cv2.line(canvas, ends[0], ends[1], strength, 1, cv2.LINE_AA)

    for a, b in shape.creases:
        for _ in range(rng.integers(1, 4)):
            shift = rng.normal(0, 0.008, 2)
            line(a + shift, b + shift, float(rng.uniform(0.4, 1.0)))
    for _ in range(0 if back else rng.integers(2, 5)):
        a = np.array([rng.uniform(0.35, 0.45), rng.uniform(0.55, 0.75)])
        b = np.array([rng.uniform(0.5, 0.66), rng.uniform(0.52, 0.75)])
        line(a, b, float(rng.uniform(0.3, 0.8)))
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), DRAWN_SIZE / 220))


def colored(rng: np.random.Generator, shade: Array, tint: Array, tone: Array) -> Array:
    """Color a hand in a skin tone (3,) RGB, 0 to 255; its shadows are redder than its light."""
    red = np.stack([1 + 0.35 * tint, 1 - 0.6 * tint, 1 - 0.7 * tint], axis=-1)
    dark = np.minimum(shade, 1.2)[..., None] ** np.array([0.9, 1.1, 1.2], np.float32)
    fine = cv2.GaussianBlur(rng.normal(0, 1, shade.shape).astype(np.float32), (0, 0), 0.8)
    fine = 1 + fine[..., None] * rng.uniform(0.0, 0.05)
    return np.asarray(np.clip(tone * red * dark * fine, 0, 255).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A hand at rest, in meters.

    Attributes:
        points: (V, 3) vertices.
        triangles: (T, 3) their numbers.
        weights: (V, J) how much each joint moves each vertex.
        joints: Number of each joint by its name.
        frames: (J, 4, 4) where the joints are.
    """

    points: Array
    triangles: Array
    weights: Array
    joints: dict[str, int]
    frames: Array

    def chain(self, finger: str) -> list[int]:
        """Return the joints of a finger from its root to its tip."""
        names = (f"{finger}-{bone}" for bone in BONES)
        return [self.joints[name] for name in names if name in self.joints]


_DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError)


def load_model(path: Path) -> Model:
    """Read a skinned glTF binary of WebXR joints, and give it an arm.

    Raises:
        InputError: ``bad_hand_model``.
    """
    try:
        return _with_arm(_read_model(path.read_bytes()))
    except (*_DAMAGE, struct.error) as error:
        problem = f"{path} is no skinned hand: {reason_of(error)}."
        raise InputError("bad_hand_model", problem) from None


def _read_model(data: bytes) -> Model:
    size = struct.unpack("<I", data[12:16])[0]
    tree, body = parsed_json(data[20 : 20 + size].decode()), data[28 + size :]

    def values(number: int) -> Array:
        one = tree["accessors"][number]
        width, start = _WIDTHS[one["type"]], tree["bufferViews"][one["bufferView"]]["byteOffset"]
        kind = _TYPES[one["componentType"]]
        return np.frombuffer(body, kind, one["count"] * width, start).reshape(-1, width)

    part, skin = tree["meshes"][0]["primitives"][0], tree["skins"][0]
    given = {name: values(number) for name, number in part["attributes"].items()}
    points = given["POSITION"].astype(np.float64)
    weights = np.zeros((len(points), len(skin["joints"])))
    for joint, weight in zip(given["JOINTS_0"].T, given["WEIGHTS_0"].T, strict=True):
        np.add.at(weights, (np.arange(len(points)), joint), weight)
    joints = {tree["nodes"][node]["name"]: k for k, node in enumerate(skin["joints"])}
    inverse = values(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    triangles = values(part["indices"]).reshape(-1, 3).astype(int)
    frames = np.linalg.inv(inverse.astype(np.float64))
    return Model(points, triangles, weights, joints, frames)


def _with_arm(model: Model) -> Model:
    """Let the wrist go on as an arm that grows wider."""
    wrist = model.joints["wrist"]
    local = (model.points - model.frames[wrist][:3, 3]) @ model.frames[wrist][:3, :3]
    end = local[:, 2].max()
    ring = local[local[:, 2] > end - 0.012]
    center, half = ring.mean(axis=0), np.ptp(ring, axis=0) / 2
    rows, around = 40, 36
    t = np.linspace(0, 2 * np.pi, around, endpoint=False)
    along = np.linspace(0, 1, rows)[:, None]
    wide = 1.03 + 0.4 * np.minimum(along, 0.7)
    tube = np.stack(
        [
            center[0] + half[0] * wide * np.cos(t),
            center[1] + half[1] * wide * np.sin(t),
            end - 0.014 + ARM * along + 0 * t,
        ],
        axis=-1,
    ).reshape(-1, 3)
    world = tube @ model.frames[wrist][:3, :3].T + model.frames[wrist][:3, 3]
    k = np.arange((rows - 1) * around).reshape(rows - 1, around)
    right = np.roll(k, -1, axis=1)
    faces = [[k, right, k + around], [right, right + around, k + around]]
    made = np.concatenate([np.stack(one, axis=-1).reshape(-1, 3) for one in faces])
    weights = np.zeros((len(world), model.weights.shape[1]))
    weights[:, wrist] = 1
    return Model(
        np.vstack([model.points, world]),
        np.vstack([model.triangles, made + len(model.points)]),
        np.vstack([model.weights, weights]),
        model.joints,
        model.frames,
    )


def _turn(axis: int, angle: float) -> Array:
    """Return a rotation (4, 4) about an axis."""
    matrix, (a, b) = np.eye(4), [k for k in range(3) if k != axis]
    matrix[[a, b], [a, b]] = np.cos(angle)
    sign = -1 if axis == 1 else 1
    matrix[a, b], matrix[b, a] = -sign * np.sin(angle), sign * np.sin(angle)
    return matrix


def _posed(rng: np.random.Generator, model: Model) -> Array:
    """Return the vertices (V, 3) with fingers bent and spread at random."""
    moved = model.frames.copy()
    all_bend = rng.uniform(0, 1.3) if rng.random() < 0.6 else rng.uniform(-0.1, 0.3)
    spread = rng.uniform(-0.06, 0.16)
    for number, finger in enumerate(FINGERS):
        chain = model.chain(finger)
        bend = all_bend if rng.random() < 0.8 else rng.uniform(0, 1.5)
        bend = bend * (0.4 if finger == "thumb" else 1.0)
        for place, (before, joint) in enumerate(pairwise(chain)):
            turn = np.eye(4)
            if joint != chain[-1]:
                turn = _turn(0, -max(bend * rng.uniform(0.7, 1.2), -0.2))
                if place == 0:
                    side = rng.normal(0, 0.04) + spread * (number - 2.5)
                    turn = turn @ _turn(1, side + (rng.normal(0, 0.25) if number == 0 else 0))
            step = np.linalg.inv(model.frames[before]) @ model.frames[joint]
            moved[joint] = moved[before] @ step @ turn
    ways = moved @ np.linalg.inv(model.frames)
    whole = np.hstack([model.points, np.ones((len(model.points), 1))])
    each = np.einsum("jab,vb->vja", ways[:, :3], whole)
    return np.asarray(np.einsum("vja,vj->va", each, model.weights))


def _normals(points: Array, triangles: Array) -> Array:
    """Return the normals (V, 3) of vertices."""
    a, b, c = points[triangles].transpose(1, 0, 2)
    flat = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for corner in range(3):
        np.add.at(normals, triangles[:, corner], flat)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def _view(rng: np.random.Generator) -> Array:
    """Return a rotation (3, 3) of the hand's wrist to the picture: fingers mostly up."""
    back = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # x right, -z up, +y to the camera
    side = rng.choice([0.0, np.pi]) + rng.normal(0, 0.5)
    if rng.random() < 0.2:
        side = rng.uniform(0, 2 * np.pi)
    tilt = rng.normal(0, 0.35)
    return np.asarray((_turn(0, tilt) @ _turn(1, side))[:3, :3] @ back)


def _seen(points: Array, values: Array, triangles: Array) -> tuple[Array, Array]:
    """Draw a mesh.

    Args:
        points: (V, 3), x and y in pixels, the nearest with the greatest z.
        values: (V, C) to interpolate.
        triangles: (T, 3).

    Returns:
        (S, S, C) float32 and (S, S) bool, where there is something; S is `MODELLED_SIZE`.
    """
    i, j = (k.ravel() for k in np.meshgrid(*[np.arange(SAMPLES + 1)] * 2))
    inside = i + j <= SAMPLES
    shares = np.stack([i, j, SAMPLES - i - j], axis=1)[inside] / SAMPLES
    both = np.hstack([points, values])[triangles]
    dense = np.einsum("kc,tcv->tkv", shares, both).reshape(-1, both.shape[2])
    x, y = np.floor(dense[:, :2]).astype(int).T
    there = (x >= 0) & (x < MODELLED_SIZE) & (y >= 0) & (y < MODELLED_SIZE)
    dense, place = dense[there], (y * MODELLED_SIZE + x)[there]
    order = np.argsort(dense[:, 2], kind="stable")
    made = np.zeros((MODELLED_SIZE * MODELLED_SIZE, values.shape[1]), np.float32)
    made[place[order]] = dense[order, 3:]
    hit: Array = np.zeros(MODELLED_SIZE * MODELLED_SIZE, np.uint8)
    hit[place] = 1
    hit = cv2.morphologyEx(
        hit.reshape(MODELLED_SIZE, MODELLED_SIZE), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)
    )
    return made.reshape(MODELLED_SIZE, MODELLED_SIZE, -1), hit > 0


def _noise(rng: np.random.Generator, points: Array, scale: float) -> Array:
    """Return a smooth random field at points (..., 3), of some meters of scale."""
    waves = rng.normal(0, 1 / scale, (12, 3))
    return np.asarray(np.sin(points @ waves.T + rng.uniform(0, 6.3, 12)).mean(axis=-1) * 2.5)


def model_hand(rng: np.random.Generator, model: Model) -> Hand:
    """Draw a hand in a random pose, from a random side."""
    posed = _posed(rng, model)
    wrist = model.frames[model.joints["wrist"]]
    local = (posed - wrist[:3, 3]) @ wrist[:3, :3]
    local *= [rng.uniform(0.9, 1.15), rng.uniform(0.9, 1.15), 1.0]
    facing = _normals(local, model.triangles)
    turn = _view(rng)
    seen = local @ turn.T
    scale = MODELLED_SIZE * rng.uniform(3.4, 4.2)
    nearer = 1 / (1 - seen[:, 2:] / rng.uniform(0.5, 1.5))
    middle = np.array([MODELLED_SIZE / 2, 0.74 * MODELLED_SIZE])
    pixels = np.hstack([seen[:, :2] * [scale, -scale] * nearer + middle, seen[:, 2:]])
    values = np.hstack([facing @ turn.T, model.points, seen[:, 2:]])
    drawn, there = _seen(pixels, values, model.triangles)
    drawn = _filled(drawn, there)
    shade, tint = _skin(rng, model, drawn)
    return Hand(shade.astype(np.float32), tint.astype(np.float32), there.astype(np.float32))


def _filled(drawn: Array, there: Array) -> Array:
    """Take the mean of neighbours where no point of the mesh fell."""
    known = (np.abs(drawn).sum(axis=2) > 0).astype(np.float32)
    count = cv2.blur(known, (3, 3))
    mean = cv2.blur(drawn, (3, 3)) / np.maximum(count, 1e-6)[..., None]
    return np.where(((known == 0) & there)[..., None], mean, drawn)


def _skin(rng: np.random.Generator, model: Model, drawn: Array) -> tuple[Array, Array]:
    """Return shade and tint from normals, places at rest and nearness (S, S, 7)."""
    normals, rest, near = drawn[..., :3], drawn[..., 3:6], drawn[..., 6]
    light = np.array([rng.normal(), rng.normal(), rng.uniform(0.6, 1.8)])
    light /= np.linalg.norm(light)
    bumps = rng.uniform(0, 0.08) * _noise(rng, rest, rng.uniform(0.0008, 0.002))
    lit = np.clip(cv2.GaussianBlur(normals, (0, 0), 0.7) @ light + bumps, 0, 1)
    ambient = rng.uniform(0.3, 0.75)
    hollow = np.maximum(cv2.GaussianBlur(near, (0, 0), 6) - near, 0) / 0.02
    shade = (ambient + (1 - ambient) * lit / light[2]) * np.exp(-hollow * rng.uniform(0.2, 0.8))
    tint = 0.05 * _noise(rng, rest, 0.02)
    strength = rng.uniform(0.05, 0.35)
    lines = np.abs(_noise(rng, rest, 0.02)) < 0.012 * rng.uniform(0.5, 2)
    shade = shade * (1 - 0.6 * strength * lines)
    for finger in FINGERS:
        *joints, tip = model.chain(finger)[1:]
        for joint in joints:
            at = (rest - model.frames[joint][:3, 3]) @ model.frames[joint][:3, :3]
            on = np.exp(-((np.hypot(at[..., 0], at[..., 1]) / 0.011) ** 4))
            for _ in range(rng.integers(1, 4)):
                line = np.exp(-(((at[..., 2] - rng.normal(0, 0.002)) / 0.0007) ** 2))
                shade = shade * (1 - strength * on * line)
            tint = tint + 0.05 * on * np.exp(-((at[..., 2] / 0.006) ** 2))
        at = (rest - model.frames[tip][:3, 3]) @ model.frames[tip][:3, :3]
        away = ((at[..., 0] / 0.0055) ** 2 + ((at[..., 2] - 0.003) / 0.0075) ** 2) * 3
        nail = (at[..., 1] > 0.001) / (1 + np.exp(np.clip(6 * (away - 2.4), -30, 30)))
        shade = shade * (1 + rng.uniform(0.05, 0.25) * nail)
        tint = tint + 0.05 * nail + 0.06 * np.exp(-((at**2).sum(axis=-1)) / 0.012**2)
    return shade, tint
