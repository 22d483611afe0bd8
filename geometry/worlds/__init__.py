"""Random worlds with exact labels: the pictures that the scene network is trained on.

Any number of different worlds are made from a seed by code and rendered by Cycles, fast rather than
beautiful: a network learns from variety. Each view of a world is one sample, a picture with its
disparity, sky, clouds, water and what lies flat or stands upright. The extension neither imports
nor ships this package.

    ./make4d worlds DIR --count 1000 --seed 1 --processes 2

`samples` describes the files, which need neither bpy nor Cycles to be read.
"""

MAY_IMPORT = ("geometry.core", "geometry.landscapes")
IMPORTED_BY_BLENDER = False
