"""The pipeline's stages: functions from named arrays to named arrays, each with its declaration.

Blender reads the declarations, so a stage's module imports nothing at its top that Blender doesn't
carry: what needs OpenCV, SciPy, scikit-learn or PyTorch is imported inside the functions.
"""

IMPORTED_BY_BLENDER = True
