"""The page: who is in a film, who gets which face, a frame of it, and the run.

``server`` has the routes, ``security`` who may ask, ``sessions`` what belongs to one browser,
``films`` a film with its people and plan, ``looks`` the frames that are shown, ``runs`` the queue.
"""
