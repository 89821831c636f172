"""mitmdump -s addons/mask.py"""

from residency.proxy.mask import MaskAddon

addons = [MaskAddon()]
