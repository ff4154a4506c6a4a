"""A picture on the page: its faces are people of one frame."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from videoswap.detection.face_models import FaceModels
from videoswap.jobs.context import load_context
from videoswap.jobs.request import say_nothing
from videoswap.people.plan import Plan
from videoswap.people.plan_edits import given, with_source
from videoswap.ui.targets import best_moment, frame_at, open_target


def test_a_picture_is_a_film_of_one_frame(photos, settings):
    models = FaceModels.load(("CPUExecutionProvider",))
    target, people = open_target(photos["left"], settings, models)
    picture = cv2.imread(str(photos["left"]))[:, :, ::-1]
    assert (target.kind, len(people)) == ("picture", 1)
    assert (target.width, target.height) == picture.shape[1::-1]
    pts = frame_at(target, Fraction(str(best_moment(people[0], target))))
    assert np.array_equal(target.frame(pts), picture)
    (face,) = target.faces(pts, {track for track, _ in people[0].tracks}, models)
    assert face.size > 50
    plan = Plan(photos["left"], "", "mesh", (), people, replace(settings, swapper="mesh"))
    plan = given(with_source(plan, "a", [photos["source"]]), 0, "a")
    moment = target.render(load_context([], [], plan.settings, say_nothing, plan), plan, pts)
    changed = (moment.after != picture).any(axis=2)
    assert moment.swapped and changed.any() and not changed[moment.mask == 0].any()
