"""The limits of the metric: how far a clip may be from the law of its world before it counts as wrong.

`python -m benchmarks.metric_limits` derives them. It shows the distribution of each value over real clips of every
world, beside the limit. A limit lies well above what real clips reach, so that at least 99.5 % of them pass all of
them together, and low enough to refuse the alterations of `benchmarks.alterations`, which a person sees.
Lengths are px of a 64x64 picture and scale with the frame size.
"""

MAX_RMSE = 1.0
"""RMSE of the path against the prompted motion, px. Real clips: 0.1, and up to 0.9 where the border cuts a star."""
MAX_STEP_RMSE = 1.0
"""RMSE of the steps from frame to frame, px. It refuses paths that tremble or jump, however near they stay."""
RANGE_TOLERANCE = 0.1
"""Speeds, amplitudes and sizes may leave the world's ranges by this share."""
MIN_SHAPE_IOU = 0.9
"""Mean overlap with the ideal prompted shape. Real clips: 0.97. A circle that is drawn as a square reaches 0.83."""
MIN_FRAME_IOU = 0.8
"""The same in the worst frame in which the object is whole."""
MIN_TOUCHING_IOU = 0.7
"""The same, if two objects touch in all frames. Up to a tenth of the object is then hidden in the judged frames."""
MIN_DIGIT_SCORE = 0.35
"""The classifier's score of the prompted digit, 0 to 1. Real clips: 0.95, and 99 in 100 above 0.39."""
MIN_FRAME_DIGIT_SCORE = 0.25
"""The same in the worst frame. It refuses a digit that turns into another one."""
MAX_TURN = 0.21
"""Mean angle by which a shape with corners may be turned against its law, radians (12 degrees)."""
MAX_SIZE_ERROR = 0.12
"""Largest relative difference of the radius from its law, over the frames in which the object is whole."""
MAX_COLOUR_DISTANCE = 60.0
"""RMS distance in RGB (0-442) of the pixels inside the object from the prompted colour, in the worst frame. The two
nearest colours of the palette are 144 apart."""
MAX_EDGE = 2.5
"""Width of the soft edge, relative to the renderer's (1 px). A Gaussian blur of 0.5 px gives 2, one of 1 px 3.6."""
MAX_BACKGROUND = 6.0
"""Mean distance of the background from white, in levels (0-255), in the worst frame."""
FAINT = 12
"""Ink (0-255, mean of 3x3 pixels) from which a pixel outside the objects counts as something else in the picture."""
MAX_EXTRA = 4.0
"""Number of such pixels in the worst frame."""
AREA_LIMITS = (0.5, 1.5)
"""Where the border or another object hides a part, the visible area lies between these multiples of the expected."""
MIN_VISIBLE = 0.5
"""A frame is not judged if other objects leave less than this fraction of the object visible."""
