"""Pretrained networks that ordinary packages carry, read into torch for training and export."""
