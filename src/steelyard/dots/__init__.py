"""Factories: what runs at a plant from day to day."""
