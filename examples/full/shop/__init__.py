"""A shop that charges orders in the background: one image, deployed as two services."""
