"""Things before a face: colors and alpha of stripes, cards, hands, microphones, glasses, hair."""

from __future__ import annotations

import cv2
import numpy as np

from ...networks.occlusion import OCCLUSION_SIZE
from ...records import Array
from . import shapes
from .hands import colored
from .photos import FacePhoto, Pool
from .shapes import between, somewhere

_SIZE = (OCCLUSION_SIZE, OCCLUSION_SIZE)  # of a sample, columns and rows
KINDS = ("blob", "stripe", "card", "arm", "half", "hand", "microphone", "glasses", "hair")
SHARES = (0.08, 0.15, 0.15, 0.08, 0.03, 0.32, 0.11, 0.04, 0.04)
RIMS = 0.15  # share of the blobs and cards that are open inside
HAIR = np.array(
    [
        *([20, 16, 14], [45, 32, 25], [80, 55, 38], [130, 95, 60]),
        *([190, 160, 110], [120, 60, 30], [150, 150, 150], [225, 220, 215]),
    ],
    np.float32,
)
_Y, _X = np.mgrid[0:OCCLUSION_SIZE, 0:OCCLUSION_SIZE].astype(np.float32)


def field(rng: np.random.Generator, cells: int) -> Array:
    """Return a smooth random field (S, S, 1)."""
    small = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(small, _SIZE, interpolation=cv2.INTER_CUBIC)[..., None]


def plain(color: Array) -> Array:
    """Return one color everywhere."""
    return np.broadcast_to(
        np.asarray(color, np.float32), (OCCLUSION_SIZE, OCCLUSION_SIZE, 3)
    ).copy()


def any_color(rng: np.random.Generator) -> Array:
    """Draw a color (3,): gray, any, dark or strong."""
    kind = rng.random()
    if kind < 0.25:
        return rng.uniform(0, 255) + rng.normal(0, 6, 3)
    if kind < 0.6:
        return rng.uniform(0, 255, 3)
    if kind < 0.8:
        return rng.uniform(0, 60, 3)
    strong = [rng.integers(0, 180), rng.integers(120, 256), rng.integers(60, 256)]
    return np.asarray(
        cv2.cvtColor(np.array([[strong]], np.uint8), cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)
    )


def skin_tone(rng: np.random.Generator, pool: Pool, own: Array) -> Array:
    """Draw a skin tone (3,), more often than not near the face's own."""
    if rng.random() < 0.55:
        return own * rng.uniform(0.6, 1.35) * np.exp(rng.normal(0, 0.06, 3))
    return pool.any(rng).skin * rng.uniform(0.7, 1.25)


def patch(
    rng: np.random.Generator, photo: Array, low: float, high: float, center: Array | None = None
) -> Array:
    """Cut a turned, scaled part out of a photo."""
    scale, angle = between(rng, low, high), rng.uniform(0, 2 * np.pi)
    middle = rng.uniform(40, 216, 2) if center is None else center
    linear = scale * shapes.turned(np.eye(2), angle).T
    matrix = np.hstack([linear, (OCCLUSION_SIZE / 2 - linear @ middle)[:, None]])
    part = cv2.warpAffine(photo, matrix, _SIZE, borderMode=cv2.BORDER_REFLECT)
    return part.astype(np.float32)


def _cheek(rng: np.random.Generator, pool: Pool, own: Array) -> Array:
    """Cut somebody's skin, in another tone most of the time."""
    other = pool.any(rng)
    points = other.landmarks
    spots = [points[[2, 31, 48]], points[[14, 35, 54]], points[[19, 24]] - [0, 25]]
    part = patch(rng, other.picture, 1.5, 4.5, spots[rng.integers(3)].mean(axis=0))
    if rng.random() < 0.8:
        part = part * (skin_tone(rng, pool, own) / np.maximum(other.skin, 8))
    return part


def _woven(rng: np.random.Generator) -> Array:
    """Draw stripes or checks."""
    angle, step = rng.uniform(0, np.pi), rng.uniform(0.05, 0.9)
    wave = np.sin((_X * np.cos(angle) + _Y * np.sin(angle)) * step + rng.uniform(0, 6))
    if rng.random() < 0.3:
        wave = wave * np.sin((_Y * np.cos(angle) - _X * np.sin(angle)) * step)
    share = (np.clip(wave * rng.uniform(1, 8), -1, 1) * 0.5 + 0.5)[..., None]
    return np.asarray(any_color(rng) * share + any_color(rng) * (1 - share))


def _rough(rng: np.random.Generator) -> Array:
    """Draw noise of several scales."""
    texture = plain(any_color(rng))
    for cells in (4, 12, 40):
        tint = np.ones(3) if rng.random() < 0.5 else rng.uniform(0, 1, 3)
        texture = texture + field(rng, cells) * rng.uniform(0, 45) * tint
    return texture


def any_texture(rng: np.random.Generator, pool: Pool, own: Array, photo: Array) -> Array:
    """Draw a texture (S, S, 3): much of it skin, of this face's tone and of others."""
    kind = rng.random()
    if kind < 0.10:
        return plain(any_color(rng))
    if kind < 0.16:
        share = 1 / (1 + np.exp(-2 * field(rng, 3)))
        return np.asarray(any_color(rng) * share + any_color(rng) * (1 - share))
    if kind < 0.29:
        return patch(rng, pool.any(rng).picture, 0.3, 4.0)
    if kind < 0.36:
        return patch(rng, photo, 0.4, 2.5)
    if kind < 0.50:
        return plain(skin_tone(rng, pool, own)) * np.exp(field(rng, 3) * rng.uniform(0, 0.12))
    if kind < 0.63:
        return _cheek(rng, pool, own)
    if kind < 0.81 and len(pool.textures):
        return _tinted(rng, patch(rng, pool.textures[rng.integers(len(pool.textures))], 0.3, 2.0))
    return _woven(rng) if kind < 0.90 else _rough(rng)


def _tinted(rng: np.random.Generator, texture: Array) -> Array:
    """Give a texture another color and contrast now and then."""
    if rng.random() < 0.5:
        return texture
    mean = texture.mean(axis=(0, 1))
    wanted = mean * rng.uniform(0.5, 1.5) if rng.random() < 0.5 else any_color(rng)
    return np.asarray(wanted + (texture - mean) * rng.uniform(0.4, 1.3))


def shaded(rng: np.random.Generator, colors: Array, alpha: Array) -> Array:
    """Light a thing: not at all, from one side, as something round, or unevenly."""
    kind = rng.random()
    if kind < 0.3:
        return colors
    if kind < 0.5:
        angle = rng.uniform(0, 2 * np.pi)
        slope = ((_X - 64) * np.cos(angle) + (_Y - 64) * np.sin(angle)) / 64
        return np.asarray(colors * np.exp(slope * rng.uniform(0, 0.6))[..., None])
    if kind < 0.75:
        depth = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
        round_ = np.sqrt(np.clip(depth / max(float(depth.max()), 1.0), 0, 1))[..., None]
        return np.asarray(colors * (1 - rng.uniform(0.1, 0.6) * (1 - round_)))
    return np.asarray(colors * np.exp(field(rng, int(rng.integers(3, 7))) * rng.uniform(0, 0.3)))


def hand(rng: np.random.Generator, pool: Pool, own: Array) -> tuple[Array, Array]:
    """Place a drawn hand; a few wear gloves."""
    drawn = pool.hands[int(rng.integers(len(pool.hands)))]
    side = len(drawn.alpha)
    scale = (rng.uniform(90, 210) if rng.random() < 0.8 else rng.uniform(200, 380)) / side
    angle = rng.normal(0, 0.8) if rng.random() < 0.6 else rng.uniform(0, 2 * np.pi)
    mirror = np.diag([rng.choice([-1.0, 1.0]) * rng.uniform(0.8, 1.2), 1.0])
    linear = scale * shapes.turned(np.eye(2), angle).T @ mirror
    grip = np.array([rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.7)]) * side
    matrix = np.hstack([linear, (somewhere(rng) - linear @ grip)[:, None]])
    tone = skin_tone(rng, pool, own) * rng.uniform(0.8, 1.25)
    if rng.random() < 0.1:
        tone = any_color(rng)
    maps = [drawn.shade, drawn.tint, drawn.alpha]
    if scale < 0.6:
        maps = [cv2.GaussianBlur(one, (0, 0), 0.35 / scale) for one in maps]
    borders = (cv2.BORDER_REPLICATE, cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT)
    shade, tint, alpha = (
        cv2.warpAffine(one, matrix, _SIZE, borderMode=border)
        for one, border in zip(maps, borders, strict=True)
    )
    contrast = rng.uniform(0.2, 1.0)
    return colored(rng, np.maximum(shade, 0.05) ** contrast, tint, tone), alpha


def microphone(rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw a microphone: a head of wire or foam on a stick."""
    center = somewhere(rng) + np.array([0, 12])
    angle = rng.normal(0, 0.7) if rng.random() < 0.8 else rng.uniform(0, 2 * np.pi)
    down = np.array([np.sin(angle), np.cos(angle)])
    along = (_X - center[0]) * down[0] + (_Y - center[1]) * down[1]
    across = (_X - center[0]) * down[1] - (_Y - center[1]) * down[0]
    radius, length = between(rng, 9, 32), rng.uniform(1, 1.5)
    out = np.sqrt((along / (radius * length)) ** 2 + (across / radius) ** 2)
    head = np.clip((1 - out) * radius + 0.5, 0, 1)
    width = radius * rng.uniform(0.35, 0.8)
    stick = np.clip(width * (1 - rng.uniform(0, 0.003) * along) - np.abs(across) + 0.5, 0, 1)
    stick = stick * np.clip(along - radius * 0.6, 0, 1)
    round_ = 0.35 + 0.9 * np.exp(-(((across / max(width, 1) - rng.uniform(-0.5, 0.5)) / 0.35) ** 2))
    dark = rng.uniform(5, 60) if rng.random() < 0.6 else rng.uniform(60, 200)
    body = (dark + rng.normal(0, 5, 3)) * round_[..., None]
    ring = np.clip(radius * 0.12 - np.abs(along - radius * 0.95) + 0.5, 0, 1)[..., None]
    ring = ring * (np.abs(across) < radius * 0.85)[..., None]
    body = body * (1 - ring) + 150 * round_[..., None] * ring
    facing = np.sqrt(np.maximum(1 - out**2, 0))
    lean = (-along - rng.uniform(-1, 1) * across) / radius
    light = 0.25 + 0.85 * np.clip(0.8 * facing + 0.25 * lean, 0, 1.3)
    step = rng.uniform(1.2, 3.5)
    wire = np.sin(along * 6.28 / step + across * rng.uniform(-0.2, 0.2))
    wire = 1 + rng.uniform(0, 0.5) * wire * np.sin(across * 6.28 / step)
    if rng.random() < 0.4:
        wire = 1 + 0.12 * rng.normal(0, 1, _SIZE)
    gray = any_color(rng) if rng.random() < 0.25 else rng.uniform(20, 190) + rng.normal(0, 4, 3)
    colors = gray * (light * wire)[..., None] * head[..., None] + body * (1 - head[..., None])
    return np.clip(colors, 0, 255), np.maximum(head, stick).astype(np.float32)


def glasses(rng: np.random.Generator, points: Array) -> tuple[Array, Array] | None:
    """Draw glasses onto landmarks (68, 2), some with dark lenses; None for a tiny face."""
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    apart = float(np.linalg.norm(right - left))
    if apart < 8:
        return None
    x = (right - left) / apart
    y = np.array([-x[1], x[0]])
    wide, high = apart * rng.uniform(0.34, 0.46), apart * rng.uniform(0.2, 0.4)
    drop = y * apart * rng.uniform(-0.02, 0.12)
    squareness = 2 / rng.uniform(2, 6)
    t = np.linspace(0, 2 * np.pi, 48)
    cos, sin = (np.sign(v) * np.abs(v) ** squareness for v in (np.cos(t), np.sin(t)))
    width = round(between(rng, 1, 6))
    frame, lenses = (
        np.zeros(_SIZE, np.uint8),
        np.zeros(_SIZE, np.float32),
    )
    for eye in (left, right):
        rim = eye + drop + wide * cos[:, None] * x + high * sin[:, None] * y
        shapes.polyline(frame, rim, width, closed=True)
        lenses = np.maximum(lenses, shapes.polygon(rim))
    temple = x * (wide + apart * 0.5) + y * rng.uniform(-0.1, 0.1) * apart
    for a, b in ((left + x * wide, right - x * wide), (left - x * wide, left - temple)):
        shapes.polyline(frame, np.stack([a, b]) + drop, width)
    shapes.polyline(frame, np.stack([right + x * wide, right + temple]) + drop, width)
    rim = frame.astype(np.float32) / 255
    tone = any_color(rng) * (0.4 if rng.random() < 0.6 else 1.0)
    colors = plain(tone) * np.exp(field(rng, 6) * 0.2)
    if rng.random() >= 0.35:
        return colors, rim
    dark = plain(any_color(rng) * 0.4) + field(rng, 5) * 10
    colors = colors * rim[..., None] + dark * (1 - rim[..., None])
    return colors, np.maximum(rim, lenses * rng.uniform(0.75, 1))


def hair(rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw strands that hang from above or from a side."""
    root = np.array([rng.uniform(20, 108), rng.uniform(-8, 16)])
    if rng.random() > 0.7:
        root = np.array([rng.choice([8, 120]), rng.uniform(10, 60)])
    tip = np.array([rng.uniform(5, 123), rng.uniform(25, 120 if rng.random() < 0.4 else 60)])
    lock = shapes.curve(rng, root, tip, rng.uniform(3, 22), 16)
    spread = rng.uniform(2, 30)
    fan = np.linspace(rng.uniform(0.4, 1), rng.uniform(0.2, 1.2), 16)[:, None]
    mask, shade = (np.zeros(_SIZE, np.uint8) for _ in range(2))
    for _ in range(rng.integers(4, 70)):
        strand = lock + rng.normal(0, spread, 2) * [1, 0.25] * fan + rng.normal(0, 0.8, (1, 2))
        width = int(rng.choice([1, 1, 2, 2, 3]))
        shapes.polyline(mask, strand, width)
        shapes.polyline(shade, strand, width, int(rng.integers(60, 255)))
    tone = HAIR[rng.integers(len(HAIR))] * rng.uniform(0.7, 1.2) + rng.normal(0, 4, 3)
    light = 0.55 + 0.8 * cv2.GaussianBlur(shade.astype(np.float32) / 255, (0, 0), 0.6)
    return np.clip(tone * light[..., None], 0, 255), mask.astype(np.float32) / 255


def smear(rng: np.random.Generator, longest: int) -> Array:
    """Return a kernel of motion blur."""
    side = int(rng.integers(3, longest))
    kernel = np.zeros((side, side), np.float32)
    angle, middle = rng.uniform(0, np.pi), (side - 1) / 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * middle
    a, b = (tuple(np.round((middle + s * reach) * 16).astype(int)) for s in (-1, 1))
    cv2.line(kernel, a, b, 1.0, 1, cv2.LINE_AA, 4)
    return np.asarray(kernel / kernel.sum())


def any_thing(
    rng: np.random.Generator,
    pool: Pool,
    photo: FacePhoto,
    points: Array,
    kind: str | None = None,
) -> tuple[Array, Array] | None:
    """Draw a thing.

    Args:
        rng: Source of chance.
        pool: Photos and hands.
        photo: The face's photo.
        points: (68, 2) landmarks in the sample.
        kind: One of ``KINDS``; None for any.

    Returns:
        Colors (S, S, 3) float32 and alpha (S, S) float32; None now and then.
    """
    kind = kind or str(rng.choice(KINDS, p=SHARES))
    thin = kind in ("hair", "glasses")
    made: tuple[Array, Array] | None
    if kind == "hand":
        made = hand(rng, pool, photo.skin)
    elif kind == "microphone":
        made = microphone(rng)
    elif kind == "hair":
        made = hair(rng)
    elif kind == "glasses":
        made = glasses(rng, points)
    else:
        alpha = shapes.PLAIN[kind](rng)
        if kind in ("blob", "card") and rng.random() < RIMS:
            alpha = shapes.only_rim(rng, alpha)
        texture = any_texture(rng, pool, photo.skin, photo.picture)
        made = shaded(rng, texture, alpha), alpha
    if made is None:
        return None
    colors, alpha = made
    soft = (
        rng.uniform(0.25, 0.6)
        if thin
        else rng.choice(
            [rng.uniform(0.25, 0.9), rng.uniform(0.9, 2.0), rng.uniform(2, 4)], p=[0.7, 0.23, 0.07]
        )
    )
    alpha = cv2.GaussianBlur(alpha, (0, 0), soft)
    colors = np.asarray(colors, np.float32)
    if rng.random() < 0.12 and not thin:
        kernel = smear(rng, 12)
        alpha, colors = (
            cv2.filter2D(one, -1, kernel, borderType=cv2.BORDER_REPLICATE)
            for one in (alpha, colors)
        )
    return np.clip(colors, 0, 255), alpha
