"""The commands of ``videoswap``: one file each, with its flags and what it sets off.

Such a file has ``add_arguments(parser)`` and ``run(arguments)``, which returns the exit code.
"""
