"""The story of the images: which there are, what they are made of, how they are built, what they became."""

from kit.supply.images.bases import make_bases
from kit.supply.images.building import (
    BuiltImage,
    base_missing,
    build,
    choose_target,
    needed,
    present,
    ready_made_program,
    recipe_sha256,
)
from kit.supply.images.locking import Lock, lock
from kit.supply.images.recipes import ImageRecipe, Target, names, outside_recipe, recipe, recipes, targets

__all__ = [
    "BuiltImage",
    "ImageRecipe",
    "Lock",
    "Target",
    "base_missing",
    "build",
    "choose_target",
    "lock",
    "make_bases",
    "names",
    "needed",
    "outside_recipe",
    "present",
    "ready_made_program",
    "recipe",
    "recipe_sha256",
    "recipes",
    "targets",
]
