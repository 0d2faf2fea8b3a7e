"""The composition root: a running node, put together from the layers below."""
