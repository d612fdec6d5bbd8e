"""Prompts on their way to where the pictures are made: one file for each form, one table of them all."""
