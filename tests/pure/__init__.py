"""Tests of what is pure: values in, values out."""
