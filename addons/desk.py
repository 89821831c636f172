"""mitmproxy -n -s addons/desk.py --set residency_gateway=URL --set residency_token_file=FILE"""

from residency.proxy.desk import DeskAddon

addons = [DeskAddon()]
