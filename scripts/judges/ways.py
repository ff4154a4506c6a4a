"""Ways to put another face into a photo, for the classifier of real and warped faces.

None is an engine of this project: those are held out, so that no engine's trace is learned.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

SIZE = 256  # of a crop
CHOSEN_OF = 40  # donors nearest in pose, of which one is drawn


def donor_of(random: np.random.Generator, shapes: np.ndarray, number: int) -> int:
    """Return the number of another face, turned about alike.

    Args:
        random: The chance.
        shapes: (N, 136) landmarks of all donors.
        number: Which face gets it.
    """
    apart = ((shapes - shapes[number]) ** 2).sum(axis=1)
    return int(random.choice(np.argsort(apart)[1 : CHOSEN_OF + 1]))


def with_border(points: np.ndarray) -> np.ndarray:
    """Return landmarks (68, 2) and eight points (76, 2) on the crop's border."""
    line = [0, (SIZE - 1) / 2, SIZE - 1]
    border = [(x, y) for y in line for x in line if (x, y) != (line[1], line[1])]
    return np.vstack([points, border]).astype(np.float32)


def triangle_map(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the piecewise affine map (S, S, 2) float32 from target pixels to the source's."""
    subdivision = cv2.Subdiv2D((-1, -1, SIZE + 2, SIZE + 2))
    clipped = np.clip(target, 0, SIZE - 1).astype(np.float32)
    for point in clipped:
        subdivision.insert((float(point[0]), float(point[1])))
    corners = subdivision.getTriangleList().reshape(-1, 3, 2)
    where = ((corners[:, :, None] - clipped) ** 2).sum(axis=3).argmin(axis=2)
    index = np.zeros((SIZE, SIZE), np.int32)
    matrices = np.zeros((len(where), 2, 3))
    for number, one in enumerate(where):
        matrices[number] = cv2.getAffineTransform(clipped[one], source[one].astype(np.float32))
        cv2.fillConvexPoly(index, np.round(clipped[one]).astype(np.int32), number)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    here = np.stack([columns, rows, np.ones_like(rows)], axis=2)
    return np.einsum("yxij,yxj->yxi", matrices[index], here).astype(np.float32)


def spline_map(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return a map (S, S, 2) by radial basis functions, evaluated coarsely and enlarged."""
    unit = SIZE / 2
    points, line = target / unit, (np.arange(32) + 0.5) / 16
    grid = np.stack(np.meshgrid(line, line), axis=2).reshape(-1, 2)

    def kernel(one: np.ndarray) -> np.ndarray:
        return np.linalg.norm(one[:, None] - points, axis=2)

    affine = np.linalg.lstsq(np.column_stack([points, np.ones(len(points))]), source, rcond=None)[0]
    rest = source - np.column_stack([points, np.ones(len(points))]) @ affine
    weights = np.linalg.solve(kernel(points) - 0.05 * np.eye(len(points)), rest)
    found = kernel(grid) @ weights + np.column_stack([grid, np.ones(len(grid))]) @ affine
    return cv2.resize(found.reshape(32, 32, 2).astype(np.float32), (SIZE, SIZE))


def affine_map(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the affine map (S, S, 2) that fits the landmarks best: a face that is only placed."""
    ones = np.ones((len(target), 1))
    matrix = np.linalg.lstsq(np.hstack([target, ones]), source, rcond=None)[0]
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return (np.stack([columns, rows, np.ones_like(rows)], axis=2) @ matrix).astype(np.float32)


def face_mask(random: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Return a soft mask (S, S, 1) float32 of the face, of a random reach and softness."""
    up = points[27] - points[8]
    lift = random.uniform(0.0, 0.4)
    brows = points[17:27] + lift * up * (1 - 0.5 * np.linspace(-1, 1, 10)[:, None] ** 2)
    hull = points if random.random() < 0.7 else points[17:]  # the inner face alone
    outline = cv2.convexHull(np.vstack([hull, brows]).astype(np.float32))[:, 0]
    middle = outline.mean(axis=0)
    outline = middle + random.uniform(0.86, 1.04) * (outline - middle)
    mask = np.zeros((SIZE, SIZE), np.float32)
    cv2.fillConvexPoly(mask, np.round(outline).astype(np.int32), 1.0)
    if random.random() < 0.4:  # the target's own eyes
        for first in (36, 42):
            eye = points[first : first + 6]
            eye = eye.mean(axis=0) + random.uniform(1.0, 1.6) * (eye - eye.mean(axis=0))
            cv2.fillConvexPoly(mask, np.round(cv2.convexHull(eye)).astype(np.int32), 0.0)
    if random.random() < 0.4:  # and the inside of its mouth
        cv2.fillConvexPoly(mask, np.round(cv2.convexHull(points[60:68])).astype(np.int32), 0.0)
    return cv2.GaussianBlur(mask, (0, 0), random.uniform(0.8, 9))[..., None]


def toned(random: np.random.Generator, donor: np.ndarray, film: np.ndarray, mask: np.ndarray):
    """Return a warped donor in about the film's tone: by mean, by mean and spread, or coarsely."""
    donor, film = donor.astype(np.float32), film.astype(np.float32)
    kind = random.integers(4)
    if kind == 0:
        return donor
    where = mask[..., 0] > 0.5
    if not where.any():
        return donor
    if kind == 3:  # light followed at a size between 3 and 25 % of the crop
        sigma = SIZE * random.uniform(0.03, 0.25)
        weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), sigma)[..., None] + 1e-3
        gain = [
            cv2.GaussianBlur(one * where[..., None], (0, 0), sigma) / weight + 4
            for one in (film, donor)
        ]
        return donor * gain[0] / gain[1]
    means = [one[where].mean(axis=0) for one in (donor, film)]
    spreads = [one[where].std(axis=0) + 1 for one in (donor, film)]
    share = random.uniform(0.6, 1.0)
    scale = 1.0 if kind == 1 else (spreads[1] / spreads[0]) ** share
    return (donor - means[0]) * scale + means[0] + share * (means[1] - means[0])


def blended(random, donor, film, mapped, points):
    """Return a film's face with the donor's, warped by a map and blended."""
    warped = cv2.remap(
        donor, mapped[..., 0], mapped[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    if random.random() < 0.4:
        warped = cv2.GaussianBlur(warped, (0, 0), random.uniform(0.4, 2.0))
    mask = face_mask(random, points)
    lit = toned(random, warped, film, mask)
    return np.clip(film + mask * (lit - film), 0, 255).astype(np.uint8)


def poisson(random, donor, film, mapped, points):
    """Return a film's face with the donor's by gradient-domain cloning (Perez et al., 2003)."""
    warped = cv2.remap(
        donor, mapped[..., 0], mapped[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    mask = (face_mask(random, points)[..., 0] > 0.5).astype(np.uint8) * 255
    mask[:3] = mask[-3:] = mask[:, :3] = mask[:, -3:] = 0
    left, top, width, height = cv2.boundingRect(mask)
    centre = left + width // 2, top + height // 2
    return cv2.seamlessClone(warped, film, mask, centre, cv2.NORMAL_CLONE)


Way = Callable[[np.random.Generator, np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def triangles(random, donor, source, film, points):
    """Piecewise affine between the landmarks."""
    return blended(
        random, donor, film, triangle_map(with_border(source), with_border(points)), points
    )


def spline(random, donor, source, film, points):
    """Smooth between the landmarks, which it meets nearly."""
    return blended(random, donor, film, spline_map(source, points), points)


def placed(random, donor, source, film, points):
    """Placed and stretched, not warped."""
    return blended(random, donor, film, affine_map(source, points), points)


def itself(random, donor, source, film, points):
    """The film's own face, bent a little and in another tone (self-blending, Shiohara 2022)."""
    bend = random.normal(0, 1, points.shape) * random.uniform(1, 5)
    moved = cv2.GaussianBlur(bend.astype(np.float32), (0, 0), 1.5) * 2 + points
    changed = film.astype(np.float32) * random.uniform(0.8, 1.25, 3) + random.uniform(-15, 15)
    return blended(
        random, np.clip(changed, 0, 255).astype(np.uint8), film, spline_map(moved, points), points
    )


def mixed(random, donor, source, film, points):
    """Smoothly warped onto a shape between both, as an engine that brings proportions does."""
    share = random.uniform(0.3, 0.9)
    ones = np.ones((len(source), 1))
    back = np.linalg.lstsq(np.hstack([source, ones]), points, rcond=None)[0]
    between = points + share * (np.hstack([source, ones]) @ back - points)
    return blended(random, donor, film, spline_map(source, between), points)


def cloned(random, donor, source, film, points):
    """Piecewise affine, cloned in the gradient domain."""
    return poisson(
        random, donor, film, triangle_map(with_border(source), with_border(points)), points
    )


LEARNED: dict[str, Way] = {
    "triangles": triangles,
    "spline": spline,
    "placed": placed,
    "itself": itself,
    "mixed": mixed,
}
HELD_OUT: dict[str, Way] = {"cloned": cloned}
