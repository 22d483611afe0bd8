"""Procedural landscapes with ground truth: images, depth, camera poses and labels.

Seven landscapes are built in Blender by code and rendered by Cycles along a short camera path.
Tests and the quality benchmark measure the add-on against them, and networks can be trained on
them. The extension neither imports nor ships this package.

To make data, in a Python that has bpy (what is open in Blender is lost):

    from make_4d.geometry.landscapes.make import NAMES, make_landscape
    from make_4d.geometry.landscapes.truth import load_scene

    folder = make_landscape("river", Path("cache"), size=256, frames=21, seed=0)
    scene = load_scene(folder)  # needs neither bpy nor Cycles

`truth` describes the arrays and the files of such a folder.
"""

MAY_IMPORT = ("geometry.core",)
