"""Serializers that applications adopt, inside real savers."""
