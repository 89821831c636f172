"""mitmdump -s addons/region.py"""

from residency.proxy.region import RegionAddon

addons = [RegionAddon()]
